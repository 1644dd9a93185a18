//! Fleets of helpers under a quota of 10 calls per second, in simulated time.
//!
//! `cargo run --profile dist -p fleet` prints the tables of `docs/fleet.md` and draws its plots.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a simulation that cannot run has to stop, and what it prints is what it is for"
)]

mod outcome;
mod plot;
mod quota;
mod scenario;
mod simulation;
mod table;

use std::fs;
use std::io;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use crate::plot::Line;
use crate::plot::Plot;
use crate::scenario::FLEETS;
use crate::scenario::Fleet;
use crate::scenario::OUTAGE_BEGIN;
use crate::scenario::QUOTA_PER_SECOND;
use crate::scenario::Scenario;
use crate::table::Row;

fn main() -> io::Result<()> {
    let rows = rows();
    println!(
        "What they need of {QUOTA_PER_SECOND} a second:\n\n{}",
        table::NEEDS_HEAD
    );
    for row in rows
        .iter()
        .filter(|row| row.scenario == Scenario::SteadyDay)
    {
        println!("{}", row.needs());
    }
    for scenario in Scenario::ALL {
        println!("\n{}:\n\n{}", scenario.title(), table::HEAD);
        for row in rows.iter().filter(|row| row.scenario == scenario) {
            println!("{row}");
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fleet");
    fs::create_dir_all(&folder)?;
    for (name, plot) in plots(&rows) {
        fs::write(folder.join(name), plot.svg())?;
    }
    Ok(())
}

/// Each scenario with each fleet, as many at a time as there are processors.
fn rows() -> Vec<Row> {
    let cells: Vec<(Scenario, Fleet)> = Scenario::ALL
        .into_iter()
        .flat_map(|scenario| FLEETS.map(|fleet| (scenario, fleet)))
        // One in a hundred would be lost among the sets that expire anyway.
        .filter(|(scenario, fleet)| {
            *scenario != Scenario::RefusedSecrets || !fleet.is_beyond_quota()
        })
        .collect();
    let next = Mutex::new(cells.iter().enumerate());
    let rows = Mutex::new(Vec::new());
    let processors = thread::available_parallelism().map_or(1, |count| count.get());
    thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                loop {
                    // A separate statement, so that the lock is released.
                    let cell = next.lock().unwrap().next();
                    let Some((index, (scenario, fleet))) = cell else {
                        break;
                    };
                    progress(index + 1, cells.len());
                    let row = row(*scenario, *fleet);
                    rows.lock().unwrap().push((index, row));
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap();
    rows.sort_by_key(|(index, _)| *index);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn row(scenario: Scenario, fleet: Fleet) -> Row {
    let simulation = scenario.simulation(fleet);
    Row {
        fleet,
        scenario,
        outcome: simulation.run(),
        calls_on_time: simulation.on_time().run().calls,
    }
}

fn progress(number: usize, all: usize) {
    if io::stderr().is_terminal() {
        eprint!("\rsimulating {number} of {all}");
        if number == all {
            eprintln!();
        }
    }
}

fn plots(rows: &[Row]) -> [(&'static str, Plot<'static>); 3] {
    let outage = [(10_000, 3600), (100_000, 43_200)];
    let start = [(1000, 3600), (10_000, 3600), (100_000, 43_200)];
    let outage_from = (OUTAGE_BEGIN - 600) as usize;
    let lines = |scenario, fleets: &[(u32, u32)], line: &dyn Fn(&Row) -> Vec<f64>| {
        let fleets = fleets
            .iter()
            .map(|(helpers, session)| Fleet::new(*helpers, *session));
        fleets
            .filter_map(|fleet| {
                let is_it = |row: &&Row| row.scenario == scenario && row.fleet == fleet;
                rows.iter().find(is_it)
            })
            .map(|row| Line {
                name: format!("{} × {} s", row.fleet.helpers, row.fleet.session_seconds),
                seconds_apart: APART as u32,
                values: line(row),
            })
            .collect()
    };
    [
        (
            "outage-calls.svg",
            Plot {
                title: "Calls a second that reach the service; no connection from minute 10 to 40",
                minutes: 120,
                top: 60.0,
                step: 20.0,
                level: Some((QUOTA_PER_SECOND, "quota")),
                lines: lines(Scenario::Outage, &outage, &|row| {
                    let load = &row.outcome.load[outage_from..outage_from + 120 * 60];
                    let sums = load.chunks(APART).map(|chunk| chunk.iter().sum::<u32>());
                    sums.map(|sum| f64::from(sum) / APART as f64).collect()
                }),
            },
        ),
        (
            "outage-overdue.svg",
            Plot {
                title: "Per cent of the helpers whose set is due; no connection from minute 10 to 40",
                minutes: 120,
                top: 100.0,
                step: 20.0,
                level: None,
                lines: lines(Scenario::Outage, &outage, &|row| {
                    per_cent(
                        row,
                        &row.outcome.overdue[outage_from..outage_from + 120 * 60],
                    )
                }),
            },
        ),
        (
            "start.svg",
            Plot {
                title: "Per cent of the helpers without a set, after all have started within a minute",
                minutes: 180,
                top: 100.0,
                step: 20.0,
                level: None,
                lines: lines(Scenario::MassStart, &start, &|row| {
                    per_cent(row, &row.outcome.without_set[..180 * 60])
                }),
            },
        ),
    ]
}

fn per_cent(row: &Row, counts: &[i32]) -> Vec<f64> {
    let shares = counts.iter().step_by(APART);
    shares
        .map(|count| 100.0 * f64::from(*count) / f64::from(row.fleet.helpers))
        .collect()
}

/// Seconds between the points of a plot.
const APART: usize = 30;
