// Sends a file by the official tus client and prints the address of the upload; a lost connection is resumed.
// node tus_upload.mjs NODE_MODULES ENDPOINT TOKEN FILE
import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { basename } from 'node:path'

const [modules, endpoint, token, file] = process.argv.slice(2)
const tus = createRequire(`${modules}/`)('tus-js-client')

const upload = new tus.Upload(createReadStream(file), {
  endpoint,
  retryDelays: Array(40).fill(100),
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: basename(file), filetype: 'application/zip' },
  onError: (error) => {
    console.error(String(error))
    process.exit(1)
  },
  onSuccess: () => console.log(upload.url),
})
upload.start()
