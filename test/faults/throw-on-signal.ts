/** Loaded into the gateway's processes by the fault suite: a worker throws where nobody catches when it gets SIGUSR2. */
if (process.argv.includes('internal-worker'))
  process.on('SIGUSR2', () => {
    throw new Error('injected by the fault suite');
  });
