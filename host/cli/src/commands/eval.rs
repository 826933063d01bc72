//! `scene3d eval`: a model against ground truth, or against another model.

use anyhow::{Context, Result, bail};
use scene3d_eval::{compare, evaluate, ground_truth};

use crate::args::EvalArgs;
use crate::exit::EXIT_SUCCESS;
use crate::model_folder;

/// Prints a table, or JSON.
pub fn run(args: &EvalArgs) -> Result<u8> {
    let model = model_folder::read(&args.model)?;
    let (table, json) = match (&args.ground_truth, &args.against) {
        (Some(path), None) => {
            let truth = ground_truth::read(path, &ground_truth::image_sizes(&model))
                .with_context(|| format!("no ground truth could be read from {}", path.display()))?;
            let evaluation = evaluate(&model, &truth);
            (evaluation.table(), serde_json::to_string_pretty(&evaluation)?)
        }
        (None, Some(other)) => {
            let comparison = compare(&model, &model_folder::read(other)?)?;
            (comparison.table(), serde_json::to_string_pretty(&comparison)?)
        }
        _ => bail!("give either --ground-truth or --against"),
    };
    println!("{}", if args.json { json } else { table });
    Ok(EXIT_SUCCESS)
}
