/** What `serve` gives, and what the default connection is called where bknd has an `app`. */
import { em, type Em } from "./em.js";

export interface App {
  readonly em: Em;
  readonly module: { readonly media: Em["media"] };
}

export const app: App = { em, module: { media: em.media } };
