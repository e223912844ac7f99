/** The files are not what the node wrote: nothing is guessed, the message says where. */
export class DamagedFile extends Error {
  override name = 'DamagedFile';
}
