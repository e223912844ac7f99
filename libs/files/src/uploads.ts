import { createSecretKey, randomBytes } from 'node:crypto';
import { type Vault, VaultError } from '@recourse/vault';
import { sql, type Kysely, type Transaction } from 'kysely';
import { decrypted, encrypted, type Bytes } from './cipher.js';
import { FileError } from './error.js';
import type { FileStore } from './file-store.js';
import { Inspection, type Inspected } from './inspection.js';
import type { MediaType } from './media-type.js';

/** What one scope, such as one side of a case, may have. */
export const maxFilesPerScope = 20;
export const maxBytesPerScope = 157_286_400; // 150 MiB
/** An upload that nobody attached in that time is removed. */
export const orphanAfterHours = 24;

/** What an event keeps of a file. */
export interface StoredFile extends Inspected {
  /** Vault reference of its key: `shred({ kind: 'person', id: reference })` erases it, wherever its ciphertext lies. */
  readonly reference: string;
}

/** A content that has arrived whole and is nobody's yet: one of the two must follow. */
export interface Received extends Inspected {
  /** Harmless twice; the same content in the same scope is stored once. @throws FileError NoRoom */
  keep(): Promise<StoredFile>;
  discard(): Promise<void>;
}

export interface OrphanSweep {
  /** Rows and drafts looked at, each. */
  readonly limit: number;
  /** How long nobody touched them; default {@link orphanAfterHours}. */
  readonly untouchedHours?: number;
  readonly isAttached: (scope: string, sha256: string) => Promise<boolean>;
}

/**
 * Files of evidence, each under a key of its own in the vault. A scope is whose they are, such as `demo.D1.1/buyer`: what is
 * the same in two scopes is stored twice, under addresses and keys that do not show it.
 */
export interface Uploads {
  /** Streams into a draft. @param declared media type, if the sender names one @throws FileError Empty, TypeRefused, TypeMismatch, TooLarge */
  receive(scope: string, source: Bytes, declared?: string): Promise<Received>;
  /** For whoever is about to attach it: it is no orphan for as long as an upload is none. */
  claim(scope: string, sha256: string): Promise<StoredFile | undefined>;
  /** @throws VaultError Shredded @throws FileError Missing, both before the first byte; Tampered at any */
  open(scope: string, file: Pick<StoredFile, 'sha256' | 'reference'>): Promise<AsyncIterable<Uint8Array>>;
  /** Removes uploads that became nothing and drafts of writers that died; returns how many. */
  sweepOrphans(sweep: OrphanSweep): Promise<number>;
}

interface UploadRow {
  scope: string;
  sha256: string;
  bytes: number;
  media_type: MediaType;
  reference: string;
  stored: boolean;
  attached: boolean;
  touched_at: Date;
}
interface UploadTables {
  upload: UploadRow;
}

export function openUploads<Tables>(options: {
  readonly db: Kysely<Tables>;
  readonly vault: Vault;
  readonly store: FileStore;
}): Uploads {
  const db = (options.db as unknown as Kysely<UploadTables>).withSchema('files');
  return new VaultedUploads(db, options.vault, options.store);
}

const keyBytes = 32;
const keyShape = /^v1\.([A-Za-z0-9_-]{43})$/;
const contextOf = (scope: string): readonly string[] => [scope];
const fileOf = ({ sha256, bytes, media_type, reference }: UploadRow): StoredFile => ({
  sha256,
  bytes,
  mediaType: media_type,
  reference,
});
const untouchedFor = (hours: number) => sql<boolean>`touched_at < now() - make_interval(secs => ${hours * 3_600})`;
const now = sql<Date>`now()`;

class VaultedUploads implements Uploads {
  constructor(
    private readonly db: Kysely<UploadTables>,
    private readonly vault: Vault,
    private readonly store: FileStore,
  ) {}

  async receive(scope: string, source: Bytes, declared?: string): Promise<Received> {
    const key = randomBytes(keyBytes);
    const inspection = new Inspection(declared);
    const draft = await this.store.draft(encrypted(createSecretKey(key), contextOf(scope), inspection.pass(source)));
    const { inspected } = inspection;
    return {
      ...inspected,
      keep: async () => {
        try {
          return await this.keep(scope, inspected, draft, key);
        } finally {
          await this.store.discard(draft);
        }
      },
      discard: () => this.store.discard(draft),
    };
  }

  async claim(scope: string, sha256: string): Promise<StoredFile | undefined> {
    const row = await this.db
      .updateTable('upload')
      .set({ touched_at: now })
      .where('scope', '=', scope)
      .where('sha256', '=', sha256)
      .where('stored', '=', true)
      .returningAll()
      .executeTakeFirst();
    return row === undefined ? undefined : fileOf(row);
  }

  async open(scope: string, { sha256, reference }: Pick<StoredFile, 'sha256' | 'reference'>): Promise<AsyncIterable<Uint8Array>> {
    const [, key = ''] = keyShape.exec((await this.vault.readPerson(reference))['file'] ?? '') ?? [];
    if (key === '') throw new FileError('Tampered', 'the vault holds no key of a file under this reference');
    const content = decrypted(
      createSecretKey(Buffer.from(key, 'base64url')),
      contextOf(scope),
      this.store.read(this.addressOf(scope, sha256)),
    );
    const first = await content.next();
    return (async function* () {
      if (first.done !== true) yield first.value;
      yield* content;
    })();
  }

  async sweepOrphans({ limit, untouchedHours = orphanAfterHours, isAttached }: OrphanSweep): Promise<number> {
    const rows = await this.db
      .selectFrom('upload')
      .select(['scope', 'sha256', 'stored'])
      .where('attached', '=', false)
      .where(untouchedFor(untouchedHours))
      .orderBy('touched_at')
      .limit(limit)
      .execute();
    let removed = 0;
    for (const { scope, sha256, stored } of rows) {
      if (stored && (await isAttached(scope, sha256))) await this.settle(scope, sha256);
      else if (await this.removeOrphan(scope, sha256, untouchedHours)) removed += 1;
    }
    return removed + (await this.store.removeDrafts(Date.now() - untouchedHours * 3_600_000, limit));
  }

  /** The intent is on record before the file is in its place, so that no crash leaves a file which no sweep would find. */
  private async keep(scope: string, inspected: Inspected, draft: string, key: Buffer): Promise<StoredFile> {
    const { sha256 } = inspected;
    const known = await this.inScope(scope, async (trx) => {
      const row = await this.rowOf(trx, scope, sha256);
      if (row === undefined) await this.demandRoom(trx, scope, inspected.bytes);
      return row;
    });
    const erased = known?.stored === true && (await this.isErased(known.reference)) ? known.reference : undefined;
    if (known?.stored === true && erased === undefined) return (await this.claim(scope, sha256)) ?? this.keepAgain();
    const reference = await this.vault.storePerson({ file: `v1.${key.toString('base64url')}` });
    try {
      await this.inScope(scope, (trx) => this.intend(trx, scope, inspected, reference, erased));
      const kept = await this.inScope(scope, (trx) => this.place(trx, scope, sha256, draft, reference));
      // Another upload of the same content was faster.
      if (kept.reference !== reference) await this.vault.shred({ kind: 'person', id: reference });
      return kept;
    } catch (error) {
      // After any other error it may be stored all the same.
      if (error instanceof FileError) await this.vault.shred({ kind: 'person', id: reference });
      throw error;
    }
  }

  private keepAgain(): never {
    throw new FileError('Missing', 'the file was removed as nobody used it; send it again');
  }

  private async intend(
    trx: Transaction<UploadTables>,
    scope: string,
    { sha256, bytes, mediaType }: Inspected,
    reference: string,
    erased: string | undefined,
  ): Promise<void> {
    const row = await this.rowOf(trx, scope, sha256);
    if (row !== undefined) {
      if (row.reference === erased) await this.change(trx, scope, sha256, { stored: false, attached: false });
      return;
    }
    await this.demandRoom(trx, scope, bytes);
    await trx
      .insertInto('upload')
      .values({ scope, sha256, bytes, media_type: mediaType, reference, stored: false, attached: false, touched_at: now })
      .execute();
  }

  private async place(
    trx: Transaction<UploadTables>,
    scope: string,
    sha256: string,
    draft: string,
    reference: string,
  ): Promise<StoredFile> {
    const row = await this.rowOf(trx, scope, sha256);
    if (row === undefined) return this.keepAgain();
    const kept = row.stored ? row : { ...row, reference };
    await this.change(trx, scope, sha256, { stored: true, reference: kept.reference });
    if (!row.stored) await this.store.place(draft, this.addressOf(scope, sha256));
    return fileOf(kept);
  }

  /** What was erased may be sent again, under a key of its own: what was said with the old one stays erased. */
  private async isErased(reference: string): Promise<boolean> {
    try {
      await this.vault.readPerson(reference);
      return false;
    } catch (error) {
      if (error instanceof VaultError && error.code === 'Shredded') return true;
      throw error;
    }
  }

  private async change(
    trx: Transaction<UploadTables>,
    scope: string,
    sha256: string,
    values: Partial<Pick<UploadRow, 'stored' | 'attached' | 'reference'>>,
  ): Promise<void> {
    await trx
      .updateTable('upload')
      .set({ ...values, touched_at: now })
      .where('scope', '=', scope)
      .where('sha256', '=', sha256)
      .execute();
  }

  private async demandRoom(trx: Transaction<UploadTables>, scope: string, bytes: number): Promise<void> {
    const { count, total } = await trx
      .selectFrom('upload')
      .select(({ fn }) => [fn.countAll<bigint>().as('count'), fn.sum<bigint | null>('bytes').as('total')])
      .where('scope', '=', scope)
      .executeTakeFirstOrThrow();
    if (Number(count) >= maxFilesPerScope)
      throw new FileError('NoRoom', `one side of a case has ${maxFilesPerScope} files at most`);
    if (Number(total ?? 0) + bytes > maxBytesPerScope)
      throw new FileError('NoRoom', `the files of one side of a case have ${maxBytesPerScope} bytes at most together`);
  }

  private async settle(scope: string, sha256: string): Promise<void> {
    await this.db.updateTable('upload').set({ attached: true }).where('scope', '=', scope).where('sha256', '=', sha256).execute();
  }

  /** First nobody can attach it any more, then it goes. */
  private async removeOrphan(scope: string, sha256: string, untouchedHours: number): Promise<boolean> {
    await this.db
      .updateTable('upload')
      .set({ stored: false })
      .where('scope', '=', scope)
      .where('sha256', '=', sha256)
      .where(untouchedFor(untouchedHours))
      .execute();
    const reference = await this.inScope(scope, async (trx) => {
      const row = await this.rowOf(trx, scope, sha256);
      if (row === undefined || row.stored) return undefined;
      await this.store.remove(this.addressOf(scope, sha256));
      await trx.deleteFrom('upload').where('scope', '=', scope).where('sha256', '=', sha256).execute();
      return row.reference;
    });
    if (reference !== undefined) await this.vault.shred({ kind: 'person', id: reference });
    return reference !== undefined;
  }

  /** Keyed, so that neither the content nor its being the same in two cases can be told from the store. */
  private addressOf(scope: string, sha256: string): string {
    return this.vault.fingerprint('file', JSON.stringify([scope, sha256]));
  }

  private rowOf(trx: Transaction<UploadTables>, scope: string, sha256: string): Promise<UploadRow | undefined> {
    return trx.selectFrom('upload').selectAll().where('scope', '=', scope).where('sha256', '=', sha256).executeTakeFirst();
  }

  /** One after the other in each scope, whichever process it is: its limits hold and a file is placed once. */
  private inScope<Result>(scope: string, act: (trx: Transaction<UploadTables>) => Promise<Result>): Promise<Result> {
    return this.db.transaction().execute(async (trx) => {
      await sql`select pg_advisory_xact_lock(hashtextextended(${`files/${scope}`}, 0))`.execute(trx);
      return act(trx);
    });
  }
}
