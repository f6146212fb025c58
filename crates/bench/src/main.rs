//! `roadstead-bench`: container registries under load, one or several side by side.
//!
//! `run` measures running registries; `compare` starts the programs that it knows.

mod ceiling;
mod client;
mod compare;
mod content;
mod failure;
mod load;
mod login;
mod payload;
mod plot;
mod process;
mod report;
mod servers;
mod shape;
mod step;
mod target;
mod workload;
mod zb;

use clap::{Args, Parser, Subcommand};
use compare::Plan;
use failure::{Result, failure};
use load::Load;
use process::Process;
use report::tell;
use servers::Program;
use std::path::PathBuf;
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
}

#[derive(Args)]
struct Run {
    /// A server: `NAME=http://HOST[:PORT][/PREFIX][,USER:PASSWORD]`; an access key AKIA… and its secret for Amazon ECR Public's API
    #[arg(long = "target", value_name = "TARGET", required = true, value_parser = parse::<Target>)]
    targets: Vec<Target>,
    /// The id of the server's process, if no process on this machine listens on the target's port (with a single target)
    #[arg(long)]
    pid: Option<u32>,
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
    /// Only these programs, in this order: roadstead, olareg, zot, angos, distribution, docker-registry, nginx, hyper
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The path of a program's binary, if it is not on the PATH under its usual name; repeatable
    #[arg(long = "binary", value_name = "NAME=PATH")]
    binaries: Vec<String>,
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
        }
    }
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
            target.process = arguments.pid.filter(|_| arguments.targets.len() == 1).map(Process::new);
            target.find_process();
            rows.push(load::run(&target, step.shape, step.load(arguments.load.load())).await?);
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
    let plan = Plan {
        steps,
        load: arguments.load.load(),
        rounds: arguments.rounds,
        programs: programs(&arguments)?,
        zb: arguments.zb,
        fill: arguments.fill,
        data: arguments.data.unwrap_or_else(|| temporary.path().to_owned()),
        output: arguments.output,
    };
    compare::run(&plan).await
}

/// The requested programs that are installed.
fn programs(arguments: &Compare) -> Result<Vec<(Program, PathBuf)>> {
    let find = |name: &String| {
        Program::ALL
            .into_iter()
            .find(|program| program.name() == name)
            .ok_or_else(|| failure!("'{name}' is not a known program; --help lists them"))
    };
    let wanted = if arguments.only.is_empty() { Program::ALL.to_vec() } else { arguments.only.iter().map(find).collect::<Result<_>>()? };
    let mut found = Vec::new();
    for program in wanted {
        match binary(program, &arguments.binaries) {
            Some(path) => found.push((program, path)),
            None => tell(format_args!("{} is not installed: skipped", program.name())),
        }
    }
    if found.is_empty() { Err(failure!("none of the programs is installed")) } else { Ok(found) }
}

/// The path given with `--binary`; otherwise searches the directory of this program, where cargo puts Roadstead, and the PATH.
fn binary(program: Program, given: &[String]) -> Option<PathBuf> {
    let this = std::env::current_exe().ok()?;
    if program == Program::Hyper {
        return Some(this);
    }
    let named = given.iter().filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == program.name());
    if let Some((_, path)) = named {
        return Some(PathBuf::from(path));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = this.parent().map(PathBuf::from).into_iter().chain(std::env::split_paths(&path)).chain([PathBuf::from("/usr/sbin")]);
    directories.map(|directory| directory.join(program.binary())).find(|path| path.is_file())
}
