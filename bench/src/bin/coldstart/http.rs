//! As much of an HTTP/1.1 server as the Lambda runtime and the AWS clients need: one thread a
//! connection, bodies with a length.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) body: String,
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// A server on a free port of loopback, until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    closed: Arc<AtomicBool>,
}

impl Server {
    /// Serves; a request without an answer ends its connection.
    pub(crate) fn start<H>(answer: H) -> io::Result<Self>
    where
        H: Fn(Request) -> Option<Response> + Clone + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let closed = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&closed);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if seen.load(Ordering::Relaxed) {
                    break;
                }
                let answer = answer.clone();
                // A connection that breaks is the end of the process at its other end.
                thread::spawn(move || connection(&stream, answer).ok());
            }
        });
        Ok(Self { address, closed })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees that it is closed.
        TcpStream::connect(self.address).ok();
    }
}

fn connection<H: Fn(Request) -> Option<Response>>(stream: &TcpStream, answer: H) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(request) = read(&mut reader)? {
        let Some(response) = answer(request) else { break };
        let mut text = format!("HTTP/1.1 {} -\r\n", response.status);
        for (name, value) in &response.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n{}", response.body.len(), response.body));
        writer.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            "transfer-encoding" => return Err(io::Error::other("a body without a length")),
            _ => {}
        }
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    Ok(Some(Request { path, body }))
}
