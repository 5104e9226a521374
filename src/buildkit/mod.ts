/** BuildKit's protocol: messages, calls of gRPC both ways, and sessions of clients. It knows no engine. */
export { CallDuplex } from "./grpc/call-duplex.ts";
export { answeredInPieces, type CallContext, GrpcServer, type Method, unary } from "./grpc/server.ts";
export { CallFailed, codes, failureOf } from "./grpc/status.ts";
export * from "./messages/control.ts";
export { bytesMessage, type FileStat, fileStat } from "./messages/file-sync.ts";
export * from "./messages/gateway.ts";
export { decodeGoMode, encodeGoMode, type GoFileType, type GoMode } from "./messages/go-mode.ts";
export * from "./messages/llb.ts";
export { healthRequest, healthResponse, healthServing, nothing } from "./messages/session-services.ts";
export { timestampOfMs } from "./messages/timestamp.ts";
export type { Message } from "./protobuf/message.ts";
export { askCredentials, askSecret, connectAgent, hasAgent, pullUpload } from "./session/ask-client.ts";
export { ClientSession, type SessionHead, SessionRegistry } from "./session/client-session.ts";
export { type FileReceiver, type FilesWanted, receiveFiles } from "./session/receive-files.ts";
export { type SentTree, sendDirectory, sendFile, takesOutput } from "./session/send-output.ts";
