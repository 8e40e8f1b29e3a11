//! What is written on a thread of its own goes to the engine as a stream, with little of it in memory.

use bytes::Bytes;
use futures_util::{Stream, stream};
use std::io::{self, BufWriter, Write};
use tokio::sync::mpsc;

/// How much is sent at once.
const CHUNK: usize = 64 * 1024;
/// How many chunks wait for the engine.
const CHUNKS_AHEAD: usize = 16;

/// The stream of what `write` writes; its error is the stream's last item. When the stream is dropped, the next write
/// fails, so that `write` ends too. Must be called in a tokio runtime.
pub(super) fn written_by(
    write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut writer = BufWriter::with_capacity(CHUNK, Sender(sender.clone()));
        if let Err(error) = write(&mut writer).and_then(|()| writer.flush()) {
            // When this fails nobody listens any more.
            let _ = sender.blocking_send(Err(error));
        }
    });
    stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|chunk| (chunk, receiver)) })
}

struct Sender(mpsc::Sender<io::Result<Bytes>>);

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
