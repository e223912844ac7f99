/** Writes docs/policy.schema.json: the form of a policy table, from the constants that the validator reads too. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { policySchema } from '@recourse/disputes';
import { format, resolveConfig } from 'prettier';

const file = join(import.meta.dirname, '..', 'docs', 'policy.schema.json');
const options = { ...(await resolveConfig(file)), filepath: file };
await writeFile(file, await format(JSON.stringify(policySchema()), options));
