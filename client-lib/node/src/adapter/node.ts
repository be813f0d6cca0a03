/** Where bknd has its `serve`. */
export * from "../serve.js";
