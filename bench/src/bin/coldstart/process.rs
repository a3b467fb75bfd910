//! One process of a function, and the Lambda Runtime API that it talks to.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use portcullis_testkit::http::{Request, Response, Server};

const PATIENCE: Duration = Duration::from_secs(30);

/// The policies that are shipped, which every start reads.
const EXCEPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/exceptions");

/// What the process did, and when.
enum Did {
    /// Asked for an event.
    Asked(Instant),
    /// Took the event.
    Took(Instant),
    /// Answered it.
    Answered(Instant, String),
    /// Reported an error.
    Failed(String),
}

/// A running process. It is ended when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) started: Instant,
    events: Sender<String>,
    did: Receiver<Did>,
    _server: Server,
}

impl Process {
    /// Starts a function and waits until it asks for its first event; with the time it took.
    pub(crate) fn start(command: &str, account: SocketAddr) -> Result<(Self, Duration)> {
        let (events, waiting) = channel();
        let (tell, did) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let server = Server::start(move |request| serve(request, &tell, &waiting))?;
        let mut words = command.split_whitespace();
        let mut function = Command::new(words.next().context("a command is needed")?);
        function.args(words).env_clear().envs([
            ("AWS_LAMBDA_RUNTIME_API", server.address.to_string().as_str()),
            ("AWS_ENDPOINT_URL", format!("http://{account}").as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
            ("PORTCULLIS_ALERT_TOPIC_ARN", "arn:aws:sns:eu-west-1:111122223333:alerts"),
            ("PORTCULLIS_EXCEPTIONS_DIR", EXCEPTIONS),
            ("PORTCULLIS_LEDGER_TABLE", "portcullis-ledger"),
        ]);
        function.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = now();
        let child = function.spawn().with_context(|| format!("starting `{command}`"))?;
        let process = Self { child, started, events, did, _server: server };
        match process.next()? {
            Did::Asked(at) => Ok((process, at - started)),
            Did::Took(_) | Did::Answered(..) | Did::Failed(_) => bail!("no event was asked for"),
        }
    }

    /// Sends an event. From start to the answer, from taking the event to the answer, the answer.
    pub(crate) fn send(&self, event: &str) -> Result<(Duration, Duration, String)> {
        self.events.send(event.to_owned())?;
        let mut taken = self.started;
        loop {
            match self.next()? {
                Did::Took(at) => taken = at,
                Did::Answered(at, text) => return Ok((at - self.started, at - taken, text)),
                // From the wait for this event.
                Did::Asked(_) => {}
                Did::Failed(why) => bail!("the function failed: {why}"),
            }
        }
    }

    fn next(&self) -> Result<Did> {
        match self.did.recv_timeout(PATIENCE).context("the function says nothing")? {
            Did::Failed(why) => bail!("the function failed: {why}"),
            did => Ok(did),
        }
    }

    /// The most memory that it ever held, in bytes (Linux).
    pub(crate) fn peak(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.trim().strip_suffix(" kB")).context("no VmHWM")?;
        Ok(kib.trim().parse::<u64>()? * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The Runtime API: `next`, which waits for an event, and what comes of it.
fn serve(
    request: Request,
    tell: &Sender<Did>,
    waiting: &Mutex<Receiver<String>>,
) -> Option<Response> {
    let (did, response) = match request.path.rsplit('/').next() {
        Some("next") => {
            tell.send(Did::Asked(now())).ok()?;
            let body = waiting.lock().ok()?.recv().ok()?;
            (Did::Took(now()), event(body))
        }
        Some("response") => (Did::Answered(now(), request.body), accepted()),
        _ => (Did::Failed(request.body), accepted()),
    };
    tell.send(did).ok()?;
    Some(response)
}

fn event(body: String) -> Response {
    let arn = "arn:aws:lambda:eu-west-1:111122223333:function:bench";
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", "4102444800000".to_owned()),
        ("lambda-runtime-invoked-function-arn", arn.to_owned()),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700".to_owned()),
        ("content-type", "application/json".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    Response { status: 200, headers, body }
}

fn accepted() -> Response {
    Response { status: 202, headers: Vec::new(), body: String::new() }
}

pub(crate) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    Instant::now()
}
