import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { VaultError } from './error.js';
import { checkValueOf, type KeyRing, readKeyFile } from './key-file.js';
import { keyIdOf, seal, unseal } from './seal.js';

/** What is erased together: everything encrypted for one subject shares one data key. `{ kind: 'order', id: orderId }` */
export interface Subject {
  readonly kind: string;
  readonly id: string;
}

/** Personal data of one payee or contact, for instance `{ account, name }`. */
export type PersonData = Readonly<Record<string, string>>;

/** Largest plaintext, in UTF-8 bytes, of a card key and of a person's data as JSON. */
export const maxPlaintextBytes = 4096;

/** Keeps what must be erasable out of the log. Every method but `fingerprint` throws `VaultError`. */
export interface Vault {
  /** @param context binds the ciphertext to its place, such as the unit; `decrypt` demands the same. @throws Shredded, TooLarge, Malformed */
  encrypt(subject: Subject, context: string, plaintext: string): Promise<string>;
  /** @throws Shredded, Unknown, Tampered, Malformed */
  decrypt(subject: Subject, context: string, ciphertext: string): Promise<string>;
  /** Erases a subject for good: its ciphertexts are noise from now on and nothing new is encrypted for it. Harmless twice. */
  shred(subject: Subject): Promise<void>;
  /** Returns the reference that events carry; `shred({ kind: 'person', id: reference })` erases. @throws TooLarge, Malformed */
  storePerson(data: PersonData): Promise<string>;
  /** @throws Shredded, Unknown, Tampered */
  readPerson(reference: string): Promise<PersonData>;
  /** 64 hex characters, the same for the same kind and value. The caller normalises; without the key nobody can try values. */
  fingerprint(kind: string, value: string): string;
  /** Moves every data key under the newest master key, so that older ones can be removed; returns how many it moved. */
  rewrapDataKeys(): Promise<number>;
}

interface VaultTables {
  data_key: { kind: string; subject: string; key_id: string; wrapped: string | null };
  person: { reference: string; sealed: string };
  key_check: { key_id: string; check_value: string };
}

interface DataKey {
  readonly id: string;
  readonly key: KeyObject;
}

const kindShape = /^[a-z][a-z-]{0,31}$/;
const maxSubjectLength = 256;
const rewrapBatch = 500;
const person = (reference: string): Subject => ({ kind: 'person', id: reference });
const personContext = 'person';

/**
 * Opens the vault with the keys of a local key file; a key added to the file later is used from the next opening on.
 * Throws `VaultError` KeyFileMissing, KeyFileReadableByOthers, KeyFileMalformed, or KeyFileMismatch if the vault was
 * written with keys that the file does not have.
 */
export async function openVault<Tables>(options: { readonly db: Kysely<Tables>; readonly keyFile: string }): Promise<Vault> {
  // the caller's type lists his tables; this library knows its own schema only
  const db = (options.db as unknown as Kysely<VaultTables>).withSchema('vault');
  const ring = await readKeyFile(options.keyFile);
  await demandSameKeys(db, ring);
  return new PostgresVault(db, ring);
}

class PostgresVault implements Vault {
  constructor(
    private readonly db: Kysely<VaultTables>,
    private readonly ring: KeyRing,
  ) {}

  async encrypt(subject: Subject, context: string, plaintext: string): Promise<string> {
    const bytes = plaintextBytes(plaintext);
    const { id, key } = await this.dataKeyOf(subject);
    return seal(key, id, [subject.kind, subject.id, context], bytes);
  }

  async decrypt(subject: Subject, context: string, ciphertext: string): Promise<string> {
    const keyId = keyIdOf(ciphertext);
    const { id, key } = await this.existingDataKeyOf(subject);
    if (id !== keyId)
      throw new VaultError('Unknown', `not made under the key of this ${subject.kind}: it is another's, or the key was lost`);
    return unseal(key, [subject.kind, subject.id, context], ciphertext).toString('utf8');
  }

  async shred(subject: Subject): Promise<void> {
    demandSubject(subject);
    await this.db.transaction().execute(async (trx) => {
      await trx
        .insertInto('data_key')
        .values({ kind: subject.kind, subject: subject.id, key_id: newId(), wrapped: null })
        .onConflict((conflict) => conflict.columns(['kind', 'subject']).doUpdateSet({ wrapped: null }))
        .execute();
      if (subject.kind === 'person') await trx.deleteFrom('person').where('reference', '=', subject.id).execute();
    });
  }

  async storePerson(data: PersonData): Promise<string> {
    const reference = `person-${newId()}`;
    const sealed = await this.encrypt(person(reference), personContext, JSON.stringify(data));
    await this.db.insertInto('person').values({ reference, sealed }).execute();
    return reference;
  }

  async readPerson(reference: string): Promise<PersonData> {
    const row = await this.db.selectFrom('person').select('sealed').where('reference', '=', reference).executeTakeFirst();
    if (row !== undefined) return JSON.parse(await this.decrypt(person(reference), personContext, row.sealed)) as PersonData;
    await this.existingDataKeyOf(person(reference)); // says Shredded where that is why
    throw new VaultError('Unknown', 'the vault holds no person under this reference');
  }

  fingerprint(kind: string, value: string): string {
    return createHmac('sha256', this.ring.fingerprintKey)
      .update(JSON.stringify([kind, value]))
      .digest('hex');
  }

  async rewrapDataKeys(): Promise<number> {
    let moved = 0;
    for (;;) {
      const rows = await this.db
        .selectFrom('data_key')
        .select(['kind', 'subject', 'wrapped'])
        .where(sql<boolean>`wrapped IS NOT NULL AND NOT starts_with(wrapped, ${`v1.${this.ring.newestId}.`})`)
        .limit(rewrapBatch)
        .execute();
      if (rows.length === 0) return moved;
      for (const row of rows)
        if (row.wrapped !== null) moved += await this.rewrap({ kind: row.kind, id: row.subject }, row.wrapped);
    }
  }

  /** A subject that was shredded since it was read stays shredded: only the wrapped key that was read is replaced. */
  private async rewrap(subject: Subject, wrapped: string): Promise<number> {
    const result = await this.db
      .updateTable('data_key')
      .set({ wrapped: this.wrap(subject, this.unwrap(subject, wrapped)) })
      .where('kind', '=', subject.kind)
      .where('subject', '=', subject.id)
      .where('wrapped', '=', wrapped)
      .executeTakeFirst();
    return Number(result.numUpdatedRows);
  }

  private async dataKeyOf(subject: Subject): Promise<DataKey> {
    const known = await this.find(subject);
    if (known !== undefined) return known;
    await this.db
      .insertInto('data_key')
      .values({ kind: subject.kind, subject: subject.id, key_id: newId(), wrapped: this.wrap(subject, randomBytes(32)) })
      .onConflict((conflict) => conflict.columns(['kind', 'subject']).doNothing())
      .execute();
    return this.existingDataKeyOf(subject); // read back: of two that met here, the first one's key counts for both
  }

  private async existingDataKeyOf(subject: Subject): Promise<DataKey> {
    const found = await this.find(subject);
    if (found === undefined) throw new VaultError('Unknown', `the vault holds no key for this ${subject.kind}`);
    return found;
  }

  private async find(subject: Subject): Promise<DataKey | undefined> {
    demandSubject(subject);
    const row = await this.db
      .selectFrom('data_key')
      .select(['key_id', 'wrapped'])
      .where('kind', '=', subject.kind)
      .where('subject', '=', subject.id)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    if (row.wrapped === null) throw new VaultError('Shredded', `this ${subject.kind} was erased`);
    return { id: row.key_id, key: createSecretKey(this.unwrap(subject, row.wrapped)) };
  }

  private wrap(subject: Subject, key: Buffer): string {
    return seal(this.masterKey(this.ring.newestId), this.ring.newestId, ['data key', subject.kind, subject.id], key);
  }

  private unwrap(subject: Subject, wrapped: string): Buffer {
    return unseal(this.masterKey(keyIdOf(wrapped)), ['data key', subject.kind, subject.id], wrapped);
  }

  private masterKey(id: string): KeyObject {
    const key = this.ring.masterKeys.get(id);
    if (key === undefined) throw new VaultError('KeyFileMismatch', `the key file lacks master key ${id}`);
    return key;
  }
}

/** A vault opened with other keys would look empty and give known card keys new fingerprints, so it is not opened at all. */
async function demandSameKeys(db: Kysely<VaultTables>, ring: KeyRing): Promise<void> {
  const expected = new Map(
    [...ring.masterKeys, ['fingerprint', ring.fingerprintKey] as const].map(([id, key]) => [id, checkValueOf(key)]),
  );
  await db.transaction().execute(async (trx) => {
    await trx
      .insertInto('key_check')
      .values([...expected].map(([key_id, check_value]) => ({ key_id, check_value })))
      .onConflict((conflict) => conflict.column('key_id').doNothing())
      .execute();
    for (const { key_id, check_value } of await trx.selectFrom('key_check').selectAll().execute()) {
      if (expected.has(key_id) ? expected.get(key_id) !== check_value : await isInUse(trx, key_id)) {
        throw new VaultError('KeyFileMismatch', `the vault was written with another key ${key_id} than the key file has`);
      }
    }
  });
}

async function isInUse(db: Kysely<VaultTables>, masterKeyId: string): Promise<boolean> {
  const row = await db
    .selectFrom('data_key')
    .select('key_id')
    .where(sql<boolean>`starts_with(wrapped, ${`v1.${masterKeyId}.`})`)
    .executeTakeFirst();
  return row !== undefined;
}

function demandSubject({ kind, id }: Subject): void {
  if (!kindShape.test(kind)) throw new VaultError('Malformed', 'a subject kind is up to 32 lower-case letters and hyphens');
  if (id.length === 0 || id.length > maxSubjectLength)
    throw new VaultError('Malformed', `a subject id has 1 to ${maxSubjectLength} characters`);
}

function plaintextBytes(plaintext: string): Buffer {
  if (!plaintext.isWellFormed())
    throw new VaultError('Malformed', 'the text is not well-formed Unicode and would not decrypt to itself');
  const bytes = Buffer.from(plaintext, 'utf8');
  if (bytes.length > maxPlaintextBytes)
    throw new VaultError('TooLarge', `at most ${maxPlaintextBytes} bytes can be encrypted, got ${bytes.length}`);
  return bytes;
}

const newId = () => randomBytes(16).toString('hex');
