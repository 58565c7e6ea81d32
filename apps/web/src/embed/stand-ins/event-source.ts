/** In the place of the browser's: the host has no address that sends events, so the components go on asking. */
class NoEventSource {
  addEventListener(): void {}
  close(): void {}
}

export { NoEventSource as EventSource };
