//! Throughput and latency of the credentials, next to the floor's.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;
use std::time::Duration;
use std::time::Instant;

use super::load;
use super::load::Answer;
use super::load::Work;
use super::process;
use super::requests;
use super::served;
use super::served::Floor;
use super::served::Served;
use crate::support::measure::Run;
use crate::support::measure::Times;
use crate::support::measure::WARM_UP_ROUNDS;
use crate::support::measure::interleaved;
use crate::verdict;

/// Prints a table with a row for each number of connections.
pub(crate) fn print(helper: &Path, floor: &Path) {
    let emulator = served::emulator(&[], 43_200);
    let served = Served::start_plainly(helper, &emulator);
    let request = requests::credentials(&served.token());
    let answer = served.ask(&request).bytes;
    let floor = Floor::start(floor, &answer);
    process::pin(Some(&served.process), SERVER_PROCESSOR);
    process::pin(Some(&floor.process), SERVER_PROCESSOR);
    process::pin(None, LOAD_PROCESSOR);

    println!("An answer has {} bytes.\n", answer.len());
    println!("| connections | | `serve` | bare hyper | ratio (95 % interval) | target | |");
    println!("|-:|-|-:|-:|-|-|-|");
    for connections in CONNECTIONS {
        let load = Load {
            connections,
            request: &request,
            answer_bytes: answer.len(),
        };
        let (mut ours, mut floors) = (Vec::new(), Vec::new());
        let mut runs: Vec<Run<'_>> = vec![
            Box::new(|| load.sample(&served.process, served.address, &mut ours)),
            Box::new(|| load.sample(&floor.process, floor.address, &mut floors)),
        ];
        interleaved(ROUNDS, &mut runs);
        drop(runs);
        print_rows(connections, &ours, &floors);
    }
}

fn print_rows(connections: usize, ours: &[Sample], floors: &[Sample]) {
    let of = |samples: &[Sample], what: fn(&Sample) -> Duration| {
        Times::new(samples.iter().skip(WARM_UP_ROUNDS).map(what).collect())
    };
    let per_second = |times: &Times| 1.0 / times.median().as_secs_f64();
    let microseconds = |times: &Times| times.median().as_secs_f64() * 1e6;

    let both = |what| (of(ours, what), of(floors, what));
    let (our, floor) = both(|sample| sample.per_answer);
    // Answers a second are the inverse of the time for one.
    let ratio = floor.ratio_to(&our);
    println!(
        "| {connections} | answers per second | {:.0} | {:.0} | {ratio} | at least {THROUGHPUT_MIN} | {} |",
        per_second(&our),
        per_second(&floor),
        verdict(ratio.of_medians >= THROUGHPUT_MIN),
    );
    let print_time = |name, what, max: Option<f64>| {
        let (our, floor) = both(what);
        let ratio = our.ratio_to(&floor);
        let (target, verdict) = match max {
            Some(max) => (format!("at most {max}"), verdict(ratio.of_medians <= max)),
            None => (String::new(), ""),
        };
        println!(
            "| {connections} | {name} | {:.1} µs | {:.1} µs | {ratio} | {target} | {verdict} |",
            microseconds(&our),
            microseconds(&floor),
        );
    };
    print_time("p50", |sample| sample.p50, None);
    print_time("p99", |sample| sample.p99, Some(P99_MAX));
    print_time("processor time per answer", |sample| sample.processor, None);
    let (our, floor) = both(|sample| sample.busy);
    println!(
        "| {connections} | server busy | {:.0} % | {:.0} % | | | |",
        our.median().as_secs_f64() * 100.0,
        floor.median().as_secs_f64() * 100.0,
    );
}

/// The results of a period of load.
#[derive(Clone, Copy)]
struct Sample {
    per_answer: Duration,
    p50: Duration,
    p99: Duration,
    /// Of the server, for an answer.
    processor: Duration,
    /// Of the server in a second.
    busy: Duration,
}

/// The same request on so many connections.
struct Load<'a> {
    connections: usize,
    request: &'a [u8],
    answer_bytes: usize,
}

impl Load<'_> {
    /// Adds what came of a round to `samples`.
    fn sample(&self, process: &Child, address: SocketAddr, samples: &mut Vec<Sample>) -> Duration {
        let mut round = Round {
            load: self,
            process,
            new: self.connections,
            begin: None,
            times: Vec::with_capacity(TIMES_EXPECTED),
        };
        load::run(address, self.connections, &mut round);
        let (begin, processor) = round.begin.unwrap();
        let elapsed = begin.elapsed();
        let processor = process::processor_time(process) - processor;
        let mut times = round.times;
        let answers = u32::try_from(times.len()).unwrap();
        let mut quantile = |fraction: f64| {
            let index = ((times.len() - 1) as f64 * fraction) as usize;
            *times.select_nth_unstable(index).1
        };
        samples.push(Sample {
            per_answer: elapsed / answers,
            p50: quantile(0.5),
            p99: quantile(0.99),
            processor: processor / answers,
            busy: processor.div_f64(elapsed.as_secs_f64()),
        });
        elapsed / answers
    }
}

/// Some time of it.
struct Round<'a> {
    load: &'a Load<'a>,
    process: &'a Child,
    /// As many answers are still to come that do not count: connections are being opened.
    new: usize,
    /// When it began, with what processor time of the server.
    begin: Option<(Instant, Duration)>,
    times: Vec<Duration>,
}

impl Work for Round<'_> {
    fn request(&mut self, _: usize) -> Option<&[u8]> {
        match self.begin {
            Some((begin, _)) if begin.elapsed() >= ROUND => None,
            Some(_) | None => Some(self.load.request),
        }
    }

    fn answer(&mut self, _: usize, answer: &Answer<'_>, time: Duration) {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.bytes.len(), self.load.answer_bytes);
        if self.begin.is_some() {
            self.times.push(time);
            return;
        }
        self.new -= 1;
        if self.new == 0 {
            self.begin = Some((Instant::now(), process::processor_time(self.process)));
        }
    }
}

const CONNECTIONS: [usize; 3] = [1, 64, 256];
const SERVER_PROCESSOR: usize = 0;
const LOAD_PROCESSOR: usize = 1;
const ROUNDS: usize = 20;
const ROUND: Duration = Duration::from_secs(1);
const TIMES_EXPECTED: usize = 1 << 20;
const THROUGHPUT_MIN: f64 = 0.95;
const P99_MAX: f64 = 1.5;
