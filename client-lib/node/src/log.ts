/** The log, as `log.read` and the feed give it. */
export interface Commit {
  readonly sequence: number;
  /** As stored; a feed has them only of a commit that is too large to be decoded on the way. */
  readonly bytes?: Uint8Array;
  readonly time?: Date;
  readonly peer?: { readonly uid: number; readonly gid: number; readonly pid: number };
  readonly events?: readonly { readonly kind: string; readonly [detail: string]: unknown }[];
  readonly [detail: string]: unknown;
}
