//! As much of an HTTP/1.1 server as the AWS clients, the Lambda runtime and a browser need: one thread a connection,
//! bodies with a length.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request; names of headers are in lower case.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(is, _)| is == name).map(|(_, value)| value.as_str())
    }

    /// The call of an AWS client: of `X-Amz-Target`, as DynamoDB is asked, or else `Action` of the body.
    pub fn call(&self) -> Option<&str> {
        let target = self.header("x-amz-target").and_then(|target| target.rsplit('.').next());
        target.or_else(|| self.body.split('&').find_map(|pair| pair.strip_prefix("Action=")))
    }
}

/// An answer; its length is added.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// A server on a free port of loopback, until it is dropped.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    closed: Arc<AtomicBool>,
}

impl Server {
    /// Serves; a request without an answer ends its connection.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn start<H>(answer: H) -> io::Result<Self>
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

/// Serves until the test ends; the address. Status 0 stands for an answer that is lost.
pub fn serve(answer: impl FnMut(&Request) -> (u16, String) + Send + 'static) -> String {
    let answer = Arc::new(Mutex::new(answer));
    let server = Server::start(move |request| {
        let (status, body) = answer.lock().unwrap()(&request);
        (status != 0).then(|| Response { status, headers: Vec::new(), body })
    })
    .unwrap();
    let url = format!("http://{}", server.address);
    std::mem::forget(server);
    url
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
    let mut words = line.split_whitespace().map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    let mut request =
        Request { method: word(), path: word(), headers: Vec::new(), body: String::new() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if request.header("transfer-encoding").is_some() {
        return Err(io::Error::other("a body without a length"));
    }
    let length = request.header("content-length").unwrap_or("0").parse();
    reader.take(length.map_err(io::Error::other)?).read_to_string(&mut request.body)?;
    Ok(Some(request))
}
