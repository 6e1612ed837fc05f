// Send a file with progress, which fetch does not report.
import { Problem } from "./start_form.js";
import { messageOf } from "./poll.js";

/**
 * Send a file. Returns the id of the stored file, or throws a Problem.
 *   address: of POST /v1/files
 *   most: bytes that a file may have
 *   onProgress: called with bytes that were sent, and bytes of all
 *   signal: of an AbortController, to stop
 */
export function upload(file, { address, most, onProgress, signal }) {
  if (file.size > most) throw new Problem("upload", `The file has ${file.size} bytes; ${most} are allowed. Put it into a bucket, and give its address.`);
  if (!file.size) throw new Problem("upload", "The file is empty.");
  return new Promise((resolve, reject) => {
    const body = new FormData(), request = new XMLHttpRequest();
    body.append("purpose", "batch");
    body.append("file", file, file.name);
    request.open("POST", address);
    request.upload.addEventListener("progress", (event) => onProgress(Math.min(event.loaded, file.size), file.size));
    request.addEventListener("load", async () => {
      const answer = new Response(request.responseText, { status: request.status });
      if (answer.ok) resolve((await answer.json()).id);
      else reject(new Problem("upload", await messageOf(answer)));
    });
    request.addEventListener("error", () => reject(new Problem("upload", "The connection broke before the file was sent. Choose it again.")));
    request.addEventListener("abort", () => reject(new Problem("upload", "The upload was stopped.")));
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}
