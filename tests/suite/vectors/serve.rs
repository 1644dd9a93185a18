//! Every case of the folder `serve`, run against the helper of this crate.

mod case;
mod compare;
mod deliberate;

use std::any::Any;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::hop_limit::hop_limit;
use crate::support::imds::Answer;
use crate::support::imds::Connection;
use crate::support::imds::Server;
use crate::support::running::signalled;
use crate::support::skip;
use crate::vectors::compare::differing;
use crate::vectors::runner::side_by_side;
use crate::vectors::serve::case::Case;
use crate::vectors::serve::case::Expectation;
use crate::vectors::serve::case::ExpectedResponse;
use crate::vectors::serve::case::ExpectedStep;
use crate::vectors::serve::case::Step;
use crate::vectors::serve::compare::differences;
use crate::vectors::serve::deliberate::OURS_SERVING;
use crate::vectors::serve::deliberate::OursServing;

#[test]
fn serve_cases_match_the_reference() {
    let cases = Case::all();
    assert_eq!(cases.len(), 54);
    let failures = side_by_side(&cases, failure);
    let number = failures.len();
    assert!(
        number == 0,
        "{number} serve cases:\n{}",
        failures.join("\n")
    );
}

#[test]
fn table_of_serve_names_exactly_the_informative_cases() {
    let cases = Case::all();
    let mut informative: Vec<&str> = Vec::new();
    for case in cases.iter().filter(|case| case.informative) {
        informative.push(&case.name);
    }
    let mut named: Vec<&str> = OURS_SERVING.iter().map(|(name, _)| *name).collect();
    named.sort_unstable();
    assert_eq!(named, informative);
}

fn failure(case: &Case) -> Option<String> {
    // A panic is a failure of this case; the other cases continue.
    let found = catch_unwind(AssertUnwindSafe(|| judge(case)));
    let found = found.unwrap_or_else(|panic| vec![message(&*panic)]);
    if found.is_empty() {
        return None;
    }
    let notes = [&case.about, &case.defect].into_iter();
    let notes = notes.filter(|note| !note.is_empty());
    let notes: String = notes.map(|note| format!("\n    # {note}")).collect();
    Some(format!(
        "  {}{notes}\n    {}",
        case.name,
        found.join("\n    ")
    ))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.unwrap_or_else(|| "panicked".to_owned())
}

/// Runs the case; what is wrong.
fn judge(case: &Case) -> Vec<String> {
    let expected = match OursServing::of(&case.name) {
        Some(ours) => deliberately(ours, case.expected()),
        None => case.expected(),
    };
    let busy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let busy = busy.local_addr().unwrap().port();
    let endpoint = Endpoint::start(case.server.clone());
    let args = case.args.iter().map(|arg| {
        arg.replace("{PORT}", &endpoint.port().to_string())
            .replace("{BUSY_PORT}", &busy.to_string())
    });
    let helper = Helper::new().args(args).time_limit(END_MAX);
    if !expected.port_listened {
        let output = helper.run();
        let mut found = end_differences(&expected, &output);
        found.extend(differing("exit", &expected.exit, &Some(output.exit)));
        if output.stderr.contains("Local server started") {
            found.push(format!("it listened: {:?}", output.stderr));
        }
        return found;
    }

    let mut client = Client {
        server: Server::start(&helper),
        endpoint: &endpoint,
        tokens: HashMap::new(),
        found: Vec::new(),
    };
    let mut signal = Signal::TERM;
    let mut exit = 0;
    for (index, (step, wanted)) in case.steps.iter().zip(&expected.steps).enumerate() {
        if let Some(name) = &step.signal {
            signal = named(name);
            exit = wanted.exit.unwrap();
            break;
        }
        client.go(&format!("step {index}"), step, wanted);
    }
    let Client {
        server,
        tokens,
        mut found,
        ..
    } = client;
    let output = signalled(server.running, signal);
    found.extend(differing("exit", &exit, &output.exit));
    found.extend(end_differences(&expected, &output));
    if expected.no_token_in_stderr {
        for token in tokens.values() {
            let mut pieces = token.as_bytes().windows(12);
            if pieces.any(|piece| output.stderr.contains(str::from_utf8(piece).unwrap())) {
                found.push(format!("stderr: holds the token: {:?}", output.stderr));
            }
        }
    }
    found
}

/// The expected result of an informative case.
fn deliberately(ours: OursServing, expected: Expectation) -> Expectation {
    match ours {
        OursServing::Answers(statuses) => {
            let mut statuses = statuses.iter();
            let mut expected = expected;
            for step in &mut expected.steps {
                for response in &mut step.responses {
                    let status = *statuses.next().unwrap();
                    if status != response.status {
                        *response = ExpectedResponse {
                            status,
                            ..ExpectedResponse::default()
                        };
                    }
                    response.status_any = Vec::new();
                }
            }
            assert_eq!(statuses.next(), None);
            expected
        }
        OursServing::Refuses(words) => Expectation {
            exit: Some(1),
            stderr_words: words.iter().map(|word| (*word).to_owned()).collect(),
            port_listened: false,
            ..expected
        },
    }
}

fn named(signal: &str) -> Signal {
    match signal {
        "SIGINT" => Signal::INT,
        "SIGTERM" => Signal::TERM,
        _ => panic!("{signal}"),
    }
}

fn end_differences(expected: &Expectation, output: &Output) -> Vec<String> {
    let mut found = Vec::new();
    if output.is_timed_out {
        found.push("did not end within the time limit".to_owned());
    }
    found.extend(differing(
        "stdout",
        &expected.stdout.as_str(),
        &output.stdout_text(),
    ));
    let is_empty = output.stderr.is_empty();
    found.extend(differing("stderr empty", &expected.stderr_empty, &is_empty));
    for word in &expected.stderr_words {
        if !output.stderr.to_lowercase().contains(&word.to_lowercase()) {
            found.push(format!("stderr: lacks {word:?}: {:?}", output.stderr));
        }
    }
    found
}

/// The client that takes the steps.
struct Client<'a> {
    server: Server<'a>,
    endpoint: &'a Endpoint,
    tokens: HashMap<String, String>,
    found: Vec<String>,
}

impl Client<'_> {
    fn go(&mut self, at: &str, step: &Step, wanted: &ExpectedStep) {
        if let Some(milliseconds) = step.sleep_ms {
            thread::sleep(Duration::from_millis(milliseconds));
        }
        if step.hop_limit.is_some() {
            let request = "PUT /latest/api/token HTTP/1.1\r\nHost: localhost\r\n\r\n";
            match hop_limit((Ipv4Addr::LOCALHOST, self.server.port).into(), request) {
                Some(got) => self.differing(at, "hop limit", &wanted.ttl, &Some(got)),
                None => skip("the hop limit of serve's packets: no python3 or not Linux"),
            }
        }
        if let Some(text) = &step.send {
            let bytes = self.fill(text, step.pad);
            match (step.parallel, step.repeat) {
                (Some(count), _) => self.at_once(at, &bytes, count, wanted),
                (None, Some(count)) => self.repeatedly(at, &bytes, count),
                (None, None) => self.once(at, &bytes, step.save.as_deref(), wanted),
            }
        }
        let calls = self.endpoint.requests().len();
        if let Some(wanted) = wanted.create_session_calls {
            self.differing(at, "CreateSession calls", &wanted, &calls);
        }
        if wanted.calls_max.is_some_and(|most| calls > most) {
            self.found
                .push(format!("{at}: {calls} CreateSession calls"));
        }
    }

    fn fill(&self, text: &str, pad: usize) -> Vec<u8> {
        let mut text = text
            .replace("{SERVE_PORT}", &self.server.port.to_string())
            .replace("{PAD}", &"x".repeat(pad));
        for (name, token) in &self.tokens {
            text = text.replace(&format!("{{{name}}}"), token);
        }
        // ISO 8859-1.
        text.chars()
            .map(|char| u8::try_from(char).unwrap())
            .collect()
    }

    fn once(&mut self, at: &str, bytes: &[u8], save: Option<&str>, wanted: &ExpectedStep) {
        let mut connection = self.server.connect();
        // A server that rejects a request need not read all of it.
        let sent = connection.send(bytes);
        let is_to_head = bytes.starts_with(b"HEAD ");
        for (index, response) in wanted.responses.iter().enumerate() {
            let at = format!("{at}, answer {index}");
            match connection.answer(is_to_head) {
                Ok(Some(got)) => {
                    let found = differences(response, &got);
                    self.found
                        .extend(found.into_iter().map(|one| format!("{at}: {one}")));
                    if let Some(name) = save {
                        self.tokens.insert(name.to_owned(), got.text().to_owned());
                    }
                }
                Ok(None) => self.found.push(format!("{at}: closed; sent: {sent:?}")),
                Err(error) => self.found.push(format!("{at}: {error}; sent: {sent:?}")),
            }
        }
        if bytes.windows(17).any(|some| some == b"Connection: close")
            && !connection.is_closed_within(END_MAX)
        {
            self.found
                .push(format!("{at}: the connection is not closed"));
        }
    }

    /// Each of them has to be answered with another token.
    fn repeatedly(&mut self, at: &str, bytes: &[u8], count: usize) {
        let text = str::from_utf8(bytes).unwrap();
        let mut connection = self.server.connect();
        let answers: Vec<Answer> = (0..count).map(|_| connection.ask(text)).collect();
        let mut tokens: Vec<&str> = answers.iter().map(Answer::text).collect();
        tokens.sort_unstable();
        tokens.dedup();
        self.differing(at, "tokens", &count, &tokens.len());
        if let Some(answer) = answers.iter().find(|answer| answer.status != 200) {
            self.found.push(format!("{at}: {answer:?}"));
        }
    }

    fn at_once(&mut self, at: &str, bytes: &[u8], count: usize, wanted: &ExpectedStep) {
        let text = str::from_utf8(bytes).unwrap();
        let port = self.server.port;
        let mut statuses: Vec<u16> = thread::scope(|scope| {
            let ask = || Connection::open(port).ask(text).status;
            let asking: Vec<_> = (0..count).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|one| one.join().unwrap()).collect()
        });
        statuses.sort_unstable();
        self.differing(at, "statuses", wanted.statuses.as_ref().unwrap(), &statuses);
    }

    fn differing<T: PartialEq + std::fmt::Debug>(
        &mut self,
        at: &str,
        of: &str,
        wanted: &T,
        got: &T,
    ) {
        let found = differing(of, wanted, got);
        self.found.extend(found.map(|one| format!("{at}: {one}")));
    }
}

/// It drains for 5 s; a busy machine takes longer.
const END_MAX: Duration = Duration::from_secs(80);
