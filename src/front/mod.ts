/** The engine's side of the small program that `tiffin` is: commands performed where everything is loaded. */
export { FrontServer, type FrontServerOptions } from "./front-server.ts";
