//! Holding back what a server says until it has been asked.
//!
//! An HTTP client takes octets that come before its request for a fault, but a server may speak first: `nc` sends its
//! answer as soon as it is connected to. Whoever reads here gets nothing until the first octets were written; and no more
//! than so many octets at all, since a server that talks without end keeps every other check waiting.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that is silent until it has been written to.
#[derive(Debug)]
pub(super) struct Held<S> {
    stream: S,
    /// Whether octets were written.
    asked: bool,
    /// Who wanted to read before.
    reader: Option<Waker>,
    /// Octets that may still be read.
    left: usize,
}

impl<S> Held<S> {
    /// `most`: octets that are read, beyond which reading fails.
    pub(super) fn new(stream: S, most: usize) -> Self {
        Self { stream, asked: false, reader: None, left: most }
    }

    fn note(&mut self, written: &Poll<io::Result<usize>>) {
        if matches!(written, Poll::Ready(Ok(1..)) | Poll::Ready(Err(_))) {
            self.asked = true;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Held<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.asked {
            let before = buffer.filled().len();
            let read = Pin::new(&mut self.stream).poll_read(context, buffer);
            match self.left.checked_sub(buffer.filled().len() - before) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Err(io::Error::other("the server says too much"))),
            }
            return read;
        }
        self.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Held<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, octets);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn nothing_is_read_before_something_was_written_and_nothing_is_lost() {
        let (near, mut far) = duplex(64);
        far.write_all(b"first").await.expect("room");
        let mut held = Held::new(near, 64);
        let mut buffer = [0; 16];
        tokio::select! {
            biased;
            read = held.read(&mut buffer) => panic!("{read:?} before the question"),
            () = yield_now() => {}
        }
        held.write_all(b"ask").await.expect("room");
        assert_eq!(held.read(&mut buffer).await.expect("an answer"), 5);
        assert_eq!(&buffer[..5], b"first");
    }

    #[tokio::test]
    async fn who_waits_to_read_is_woken_by_the_write() {
        let (near, mut far) = duplex(64);
        far.write_all(b"first").await.expect("room");
        let (mut reader, mut writer) = tokio::io::split(Held::new(near, 64));
        let read = tokio::spawn(async move {
            let mut buffer = [0; 5];
            reader.read_exact(&mut buffer).await.map(|_| buffer)
        });
        for _ in 0..10 {
            yield_now().await;
        }
        assert!(!read.is_finished());
        writer.write_all(b"ask").await.expect("room");
        let read = read.await.expect("no panic");
        assert_eq!(&read.expect("five octets"), b"first");
    }

    #[tokio::test]
    async fn a_write_that_fails_lets_the_reader_see_what_was_sent() {
        let (near, mut far) = duplex(64);
        far.write_all(b"busy").await.expect("room");
        drop(far);
        let mut held = Held::new(near, 64);
        assert!(held.write_all(b"ask").await.is_err());
        let mut all = Vec::new();
        held.read_to_end(&mut all).await.expect("what came before the end");
        assert_eq!(all, b"busy");
    }

    #[tokio::test]
    async fn a_server_that_says_too_much_is_cut_off() {
        let (near, mut far) = duplex(64);
        far.write_all(&[7; 40]).await.expect("room");
        let mut held = Held::new(near, 64);
        held.write_all(b"ask").await.expect("room");
        let mut buffer = [0; 40];
        assert_eq!(held.read(&mut buffer).await.expect("an answer"), 40);
        far.write_all(&[7; 40]).await.expect("room");
        let error = held.read(&mut buffer).await.expect_err("it is too much").to_string();
        assert_eq!(error, "the server says too much");
    }
}
