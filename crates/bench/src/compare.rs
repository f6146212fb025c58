//! Measures servers side by side: each shape on each server in turn, in several rounds.

use crate::commands::Launch;
use crate::counter::Counter;
use crate::failure::{Failure, Result, failure};
use crate::load::{self, Load, Measured};
use crate::plot::{self, Metric};
use crate::report::{self, tell};
use crate::servers::Server;
use crate::shape::{Destination, Shape};
use crate::step::Step;
use crate::target::Kind;
use crate::zb;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The number of timed restarts of each server.
const STARTS: usize = 5;
/// The pause between the start of a server and the reading of its idle memory.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// The default steps. The number of pushes of large layers and into fresh repositories is bounded, so that three rounds on six
/// registries fit into 50 GB.
pub(crate) const STEPS: &str = "manifest-get manifest-head blob-head manifest-get:1k:spread tags:1k describe-tags:1k blob-get:1m blob-get:64m@4 \
    blob-range:64m push:4k push:4k:fresh@8x400 push:1m@8x300 push:4k:1k mixed push:100m@4x4 upload:100m:patch@4x4 referrers:1k catalog:1k \
    manifest-get:100k:spread tags:100k describe-tags:100k push:4k:100k referrers:10k catalog:10k manifest-get:1m manifest-get:1m:spread tags:1m \
    describe-tags:1m";

pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) load: Load,
    pub(crate) rounds: usize,
    /// Read before and after each run.
    pub(crate) counters: Vec<Counter>,
    /// The programs to start. Ratios compare them with the first.
    pub(crate) launches: Vec<Launch>,
    /// The binary of zot's own benchmark.
    pub(crate) zb: Option<PathBuf>,
    /// Repositories with more entries than this are filled on the first program only, because others take hours.
    pub(crate) fill: u64,
    /// The directory for zb's data.
    pub(crate) data: PathBuf,
    /// The directory for the report, the runs and the plots.
    pub(crate) output: PathBuf,
}

/// Runs all steps and returns the report in Markdown.
pub(crate) async fn run(plan: &Plan) -> Result<String> {
    std::fs::create_dir_all(&plan.output)?;
    let mut servers = Vec::new();
    let mut idle = Vec::new();
    for launch in &plan.launches {
        let server = Server::start(launch.clone()).await?;
        tokio::time::sleep(SETTLE_TIME).await;
        idle.push(server.target.process.as_ref().map(|process| process.memory()).unwrap_or_default());
        servers.push(server);
    }
    let runs = all_rounds(plan, &servers).await?;
    let mut text = String::from("| target | idle RssAnon MB | first response ms, empty | with data |\n|---|---|---|---|\n");
    for (server, idle) in servers.into_iter().zip(idle) {
        let (name, first) = (server.target.name.clone(), milliseconds(server.started_in));
        let again = milliseconds(restarts(server).await?);
        let _ = writeln!(text, "| {name} | {:.1} | {first:.1} | {again:.1} |", idle.anonymous as f64 / 1e6);
    }
    save(plan, &runs, &text)
}

async fn all_rounds(plan: &Plan, servers: &[Server]) -> Result<Vec<Measured>> {
    let mut runs = Vec::new();
    for step in &plan.steps {
        for round in 1..=plan.rounds {
            for (at, server) in servers.iter().enumerate() {
                if !step.shape.suits(&server.target.kind) || (at > 0 && entries(step.shape) > plan.fill) {
                    continue;
                }
                tell(format_args!("{step} of {}, round {round}", server.target.name));
                let measured = load::run(&server.target, step.shape, step.load(plan.load), &plan.counters).await;
                runs.extend(measured.inspect_err(skipped));
            }
        }
        // Save after each step, so that a later failure loses no results.
        save(plan, &runs, "")?;
    }
    if let Some(binary) = &plan.zb {
        run_zb(plan, servers, binary, &mut runs).await;
    }
    Ok(runs)
}

fn skipped(error: &Failure) {
    tell(format_args!("skipped: {error}"));
}

/// Runs the tests of zot's own benchmark, each on every registry in turn.
async fn run_zb(plan: &Plan, servers: &[Server], binary: &Path, runs: &mut Vec<Measured>) {
    for test in zb::TESTS {
        for round in 1..=plan.rounds {
            for server in servers.iter().filter(|server| matches!(server.target.kind, Kind::Registry)) {
                tell(format_args!("zb: {test} of {}, round {round}", server.target.name));
                let measured = zb::run(binary, &server.target, test, plan.load.connections, &plan.data.join("zb")).await;
                runs.extend(measured.inspect_err(skipped));
            }
        }
    }
}

/// The number of tags, manifests or repositories that a shape has to create first.
fn entries(shape: Shape) -> u64 {
    match shape {
        Shape::Manifest { tags, .. } | Shape::Push { into: Destination::One { tags }, .. } => tags,
        Shape::Tags { count } | Shape::Referrers { count } | Shape::Catalog { count } => count,
        // Only Roadstead has this API.
        Shape::DescribeTags { .. } => u64::MAX,
        _ => 0,
    }
}

fn durability(plan: &Plan) -> String {
    let mut text = String::from("What is synced before a push is acknowledged:\n\n");
    for Launch { program, .. } in &plan.launches {
        let _ = writeln!(text, "- {}: {}", program.name(), program.durability());
    }
    text + "\n"
}

/// Restarts a server several times, then stops it. Returns the median time from start to first response.
async fn restarts(mut server: Server) -> Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        server = server.restart().await?;
        times.push(server.started_in);
    }
    server.stop().await?;
    times.sort();
    times.get(STARTS / 2).copied().ok_or_else(|| failure!("the server was never restarted"))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Writes the results so far into the output directory and returns the report.
fn save(plan: &Plan, runs: &[Measured], ending: &str) -> Result<String> {
    let rows = report::medians(runs);
    let text = format!("{}{}\n{ending}", durability(plan), report::table(&rows));
    std::fs::write(plan.output.join("report.md"), &text)?;
    std::fs::write(plan.output.join("runs.json"), serde_json::to_string_pretty(runs)?)?;
    std::fs::write(plan.output.join("cpu.svg"), plot::bars(&rows, Metric::Cpu))?;
    std::fs::write(plan.output.join("throughput.svg"), plot::bars(&rows, Metric::Throughput))?;
    Ok(text)
}
