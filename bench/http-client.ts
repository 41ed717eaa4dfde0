import { Agent, request } from 'node:http';

/** As many connections, kept open, as requests are in flight. */
export const CONNECTIONS = 32;

export type Headers = Readonly<Record<string, string>>;

/** A client on keep-alive connections of node:http, which costs the machine less per request than `fetch`. */
export class HttpClient {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

  constructor(port: number) {
    this.#port = port;
  }

  /** @throws Error with the status and the path's last word alone unless the answer is a success */
  post(path: string, body: string, headers: Headers): Promise<string> {
    return this.#send('POST', path, body, headers);
  }

  get(path: string, headers: Headers): Promise<string> {
    return this.#send('GET', path, '', headers);
  }

  #send(method: string, path: string, body: string, headers: Headers): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.#port, agent: this.#agent, method, path };
      const length = body === '' ? {} : { 'content-length': Buffer.byteLength(body) };
      const sent = request({ ...options, headers: { ...headers, ...length } }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(text);
          else reject(new Error(`${method} ${path.split(/[/?]/).findLast(Boolean)}: ${status}`));
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

export const JSON_BODY: Headers = { 'content-type': 'application/json' };
