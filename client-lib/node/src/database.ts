/**
 * The entities that the types know. A program names its own here:
 *
 *   type Database = (typeof schema)["DB"];
 *   declare module "emstore" {
 *     interface DB extends Database {}
 *   }
 */
export interface DB {}
