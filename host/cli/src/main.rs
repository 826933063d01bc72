//! The `scene3d` binary: parses the command line, runs the command, turns errors into messages and exit codes.

mod args;
mod cancel;
mod child;
mod commands;
mod exit;
mod failure;
mod logging;
mod model_folder;
mod page;
mod password;
mod progress;
mod quoted;
mod tracked_run;

use clap::Parser;

use args::{Cli, Command, PluginCommand, WeightsCommand};

fn main() {
    let cli = Cli::parse();
    logging::init(cli.verbose, &cli.command);
    let code = run(cli.command).unwrap_or_else(|error| failure::report(&error));
    scene3d_engine::loader::exit(code)
}

fn run(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Reconstruct(args) => commands::reconstruct::run(&args),
        Command::Check(args) => commands::check::run(&args),
        Command::Plugin(PluginCommand::List { json }) => commands::plugin::list(json),
        Command::Plugin(PluginCommand::Inspect { name, json }) => commands::plugin::inspect(&name, json),
        Command::Plugin(PluginCommand::Validate { plugin, json }) => commands::validate::run(&plugin, json),
        Command::Plugin(PluginCommand::ValidateOne { folder, check }) => commands::validate::run_one(&folder, &check),
        Command::Plugin(PluginCommand::New { name, kind, folder }) => commands::new_plugin::run(&name, kind, folder),
        Command::Weights(WeightsCommand::List { json }) => commands::weights::list(json),
        Command::Weights(WeightsCommand::Verify { names }) => commands::weights::verify(&names),
        Command::Weights(WeightsCommand::Import { file, name }) => commands::weights::import(&file, name.as_deref()),
        Command::Weights(WeightsCommand::Fetch(args)) => commands::weights::fetch(&args),
        Command::Export(args) => commands::export::run(&args),
        Command::Eval(args) => commands::eval::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::BenchOne { request } => commands::bench::run_one(&request),
        Command::Worker(args) => commands::worker::run(args),
        Command::Eda(args) => commands::eda::run(&args),
        Command::Experiments(command) => commands::experiments::run(command),
        Command::Sample(args) => commands::sample::run(&args),
        Command::Serve(args) => commands::serve::run(args),
        Command::User(command) => commands::user::run(command),
        Command::Track(command) => commands::track::run(command),
        Command::Completions { shell } => commands::docs::completions(shell),
        Command::Openapi => commands::docs::openapi(),
        Command::Man { folder } => commands::docs::man_pages(&folder),
    }
}
