//! `roadstead-bench`: container registries under load, one or several side by side.
//!
//! `run` measures running registries; `compare` starts the programs that it knows.

mod ceiling;
mod client;
mod commands;
mod compare;
mod content;
mod counter;
mod failure;
mod load;
mod login;
mod payload;
mod places;
mod plot;
mod process;
mod programs;
mod report;
mod servers;
mod shape;
mod step;
mod target;
mod turns;
mod workload;
mod zb;

use clap::{Args, Parser, Subcommand};
use commands::Launch;
use compare::Plan;
use counter::Counter;
use failure::{Result, failure};
use load::Load;
use places::Places;
use process::Process;
use programs::Program;
use report::tell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use step::Step;
use target::Target;

#[derive(Parser)]
#[command(name = "roadstead-bench", about = "Measures container registries: throughput, latency, the server's CPU time and memory", after_help = shape::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure servers that are already running
    #[command(after_help = shape::HELP)]
    Run(Run),
    /// Start servers and measure them side by side
    #[command(after_help = shape::HELP)]
    Compare(Compare),
    /// Run a bare hyper server, the upper bound for small responses
    Ceiling {
        /// The address to listen on
        #[arg(long, default_value = "127.0.0.1:5001")]
        listen: String,
    },
}

#[derive(Args)]
struct LoadArguments {
    /// What to measure: `SHAPE[@CONNECTIONS[xOPERATIONS]]`; repeatable
    #[arg(long = "shape", value_name = "SHAPE", value_parser = parse::<Step>)]
    steps: Vec<Step>,
    /// Seconds for each shape and target
    #[arg(long, default_value_t = 5.0)]
    duration: f64,
    /// Connections for each shape
    #[arg(long, default_value_t = 8)]
    connections: u64,
    /// End each shape after this many operations
    #[arg(long)]
    operations: Option<u64>,
    /// Operations that are due each second, in place of the next one after each response: compares servers under the same load. Latency counts from
    /// when an operation was due
    #[arg(long, value_parser = parse_rate)]
    rate: Option<f64>,
    /// A column of the report: by how much the number that a shell command prints grows for each operation; repeatable
    #[arg(long = "count", value_name = "NAME=COMMAND", value_parser = parse::<Counter>)]
    counters: Vec<Counter>,
}

#[derive(Args)]
struct Run {
    /// A server: `NAME=http://HOST[:PORT][/PREFIX][,USER:PASSWORD]`; an access key AKIA… and its secret for Amazon ECR Public's API
    #[arg(long = "target", value_name = "TARGET", required = true, value_parser = parse::<Target>)]
    targets: Vec<Target>,
    /// The ids of the server's processes, if they do not listen on the target's port themselves (with a single target)
    #[arg(long, value_delimiter = ',')]
    pid: Vec<u32>,
    #[command(flatten)]
    load: LoadArguments,
    /// Write JSON instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Compare {
    #[command(flatten)]
    load: LoadArguments,
    /// Runs of each shape; the report shows their medians
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only these programs, in this order: roadstead, roadstead-postgres, roadstead-s3, roadstead-proxied (behind nginx),
    /// roadstead-replicas (three behind nginx), olareg, zot, angos, angos-s3, distribution, distribution-s3, docker-registry, nginx, hyper,
    /// hyper-proxied, hyper-replicas
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The path of a program's binary, if it is not on the PATH under its usual name; repeatable
    #[arg(long = "binary", value_name = "NAME=PATH")]
    binaries: Vec<String>,
    /// PostgreSQL: a URL, in which `{}` stands for the name of the program that uses the database
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// The endpoint of an S3 server on which each program has a bucket of its own name; its keys are those of the AWS_… variables
    #[arg(long, value_name = "URL")]
    s3: Option<String>,
    /// The binary of `zb`, zot's own benchmark, to also run its tests
    #[arg(long)]
    zb: Option<PathBuf>,
    /// The largest repository to fill on programs other than the first
    #[arg(long, default_value_t = 1000)]
    fill: u64,
    /// The directory for the servers' data, on the disk to measure; by default a temporary one, removed at the end
    #[arg(long)]
    data: Option<PathBuf>,
    /// The directory for report.md, runs.json and the plots
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
}

impl LoadArguments {
    fn load(&self) -> Load {
        Load {
            connections: self.connections.max(1),
            duration: Duration::from_secs_f64(self.duration.max(0.0)),
            operations: self.operations,
            rate: self.rate,
        }
    }
}

fn parse_rate(text: &str) -> std::result::Result<f64, String> {
    text.parse().ok().filter(|rate| (0.001..=1e6).contains(rate)).ok_or_else(|| "must be between 0.001 and 1000000".to_owned())
}

fn parse<T: std::str::FromStr<Err = failure::Failure>>(text: &str) -> std::result::Result<T, String> {
    text.parse().map_err(|error: failure::Failure| error.0)
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.map_err(failure::Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            match Cli::parse().command {
                Command::Run(arguments) => run(arguments).await,
                Command::Compare(arguments) => compare(arguments).await,
                Command::Ceiling { listen } => match ceiling::serve(&listen).await? {},
            }
        })
    });
    match outcome {
        Ok(text) => {
            #[expect(clippy::print_stdout, reason = "the report is what this program is for")]
            {
                println!("{text}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            tell(error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Run) -> Result<String> {
    if arguments.load.steps.is_empty() {
        return Err(failure!("--shape is missing; --help lists the shapes"));
    }
    let mut rows = Vec::new();
    for step in &arguments.load.steps {
        for target in &arguments.targets {
            let mut target = target.clone();
            target.process =
                Some(Process::new(arguments.pid.clone())).filter(|_| arguments.targets.len() == 1 && !arguments.pid.is_empty());
            target.find_process();
            rows.push(load::run(&target, step.shape, step.load(arguments.load.load()), &arguments.load.counters).await?);
        }
    }
    if arguments.json { Ok(serde_json::to_string_pretty(&rows)?) } else { Ok(report::table(&rows)) }
}

async fn compare(arguments: Compare) -> Result<String> {
    let temporary = tempfile::Builder::new().prefix("roadstead-bench-").tempdir()?;
    let steps = if arguments.load.steps.is_empty() {
        compare::STEPS.split_whitespace().map(str::parse).collect::<Result<_>>()?
    } else {
        arguments.load.steps.clone()
    };
    let data = arguments.data.clone().unwrap_or_else(|| temporary.path().to_owned());
    let plan = Plan {
        steps,
        load: arguments.load.load(),
        rounds: arguments.rounds,
        launches: launches(&arguments, &data)?,
        counters: arguments.load.counters,
        zb: arguments.zb,
        fill: arguments.fill,
        data,
        output: arguments.output,
    };
    compare::run(&plan).await
}

/// The requested programs that are installed and whose places are given.
fn launches(arguments: &Compare, data: &Path) -> Result<Vec<Launch>> {
    let find = |name: &String| {
        Program::ALL
            .into_iter()
            .find(|program| program.name() == name)
            .ok_or_else(|| failure!("'{name}' is not a known program; --help lists them"))
    };
    let places = Places::new(arguments.database.clone(), arguments.s3.clone())?;
    let wanted = if arguments.only.is_empty() { Program::ALL.to_vec() } else { arguments.only.iter().map(find).collect::<Result<_>>()? };
    let mut found = Vec::new();
    for program in wanted {
        if !places.suit(program) {
            tell(format_args!("{} needs --database or --s3: skipped", program.name()));
        } else if let Some(binary) = binary(program, &arguments.binaries) {
            found.push(Launch { program, binary, folder: data.join(program.name()), places: places.clone() });
        } else {
            tell(format_args!("{} is not installed: skipped", program.name()));
        }
    }
    if found.is_empty() { Err(failure!("none of the programs is installed")) } else { Ok(found) }
}

/// The path given with `--binary`; otherwise searches the directory of this program, where cargo puts Roadstead, and the PATH.
fn binary(program: Program, given: &[String]) -> Option<PathBuf> {
    let this = std::env::current_exe().ok()?;
    if program.base() == Program::Hyper {
        return Some(this);
    }
    let named = given.iter().filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == program.base().name());
    if let Some((_, path)) = named {
        return Some(PathBuf::from(path));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = this.parent().map(PathBuf::from).into_iter().chain(std::env::split_paths(&path)).chain([PathBuf::from("/usr/sbin")]);
    directories.map(|directory| directory.join(program.binary())).find(|path| path.is_file())
}
