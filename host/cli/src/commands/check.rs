//! `scene3d check`: resolves a config and explains it; neither weights nor GPU are touched.

use anyhow::Result;
use scene3d_engine::{EngineError, Negotiated, RawConfig, Registry, SearchPaths, negotiate};

use crate::args::CheckArgs;
use crate::exit::EXIT_SUCCESS;

/// Prints every value with where it comes from, or every mistake.
pub fn run(args: &CheckArgs) -> Result<u8> {
    let raw = RawConfig::load(&args.config, &args.set)?;
    let paths = SearchPaths::new(&raw);
    let registry = Registry::discover(&paths);
    let negotiated = negotiate(&raw, &registry, &paths.weights).map_err(EngineError::from)?;
    if args.json {
        println!("{:#}", negotiated.config.to_json());
    } else {
        print!("{}", negotiated.config.explain());
        print_stages(&negotiated);
    }
    Ok(EXIT_SUCCESS)
}

fn print_stages(negotiated: &Negotiated) {
    for plan in negotiated.stages() {
        let descriptor = &plan.descriptor;
        let family = plan.family.as_ref().map_or_else(String::new, |family| format!(", emits {family}"));
        println!(
            "# {} {} {} on {} ({}){family}",
            plan.kind().name(),
            descriptor.id,
            descriptor.version,
            plan.device,
            descriptor.license
        );
        for weight in &plan.weights {
            println!("#   weights {} ({}) sha256 {}", weight.name, weight.license, weight.sha256);
        }
    }
}
