//! Times the networks of the plugins on a device, asked line by line: requests on stdin, an answer each on stdout, JSON.
//!
//! `gpu_bench.py` asks; in between it times the reference in turn, so that both sides meet the same machine.

mod case;
mod extractors;
mod lightglue;
mod mast3r;
mod protocol;
mod setup;

use std::io::{BufRead, Write, stdin, stdout};
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use scene3d_mast3r::Network;

use crate::case::Case;
use crate::protocol::{Answer, CaseName, Measure, Request};
use crate::setup::Setup;

const NOT_SET_UP: &str = "nothing is set up; send `setup` first";

fn main() -> Result<()> {
    let mut bench = Bench::default();
    for line in stdin().lock().lines() {
        let request = serde_json::from_str(&line?).context("a request can't be read");
        let answer = request.and_then(|request| bench.answer(request));
        let answer = answer.unwrap_or_else(|error| Answer::Error(format!("{error:#}")));
        let mut out = stdout().lock();
        serde_json::to_writer(&mut out, &answer)?;
        writeln!(out)?;
    }
    Ok(())
}

/// What is kept between requests.
#[derive(Default)]
struct Bench {
    setup: Option<Setup>,
    /// The last one measured: sides take turns at a case, and what it holds on the device goes when the next one comes.
    current: Option<(Measure, Case)>,
    /// Too large to be made for every case.
    mast3r: Option<Rc<Network>>,
}

impl Bench {
    fn answer(&mut self, request: Request) -> Result<Answer> {
        match request {
            Request::Photos(photos) => {
                setup::write_photos(&photos)?;
                Ok(Answer::Done)
            }
            Request::Setup(config) => {
                self.current = None;
                self.mast3r = None;
                self.setup = Some(Setup::new(config)?);
                Ok(Answer::Done)
            }
            Request::Parameters => {
                let setup = self.setup.as_ref().context(NOT_SET_UP)?;
                Ok(Answer::Parameters(mast3r::parameters(setup)))
            }
            Request::Measure(measure) => self.measure(&measure),
        }
    }

    fn measure(&mut self, measure: &Measure) -> Result<Answer> {
        if measure.batch == 0 || measure.repeats == 0 {
            bail!("batch is {} and repeats {}, expected at least 1 of each", measure.batch, measure.repeats);
        }
        if self.current.as_ref().is_none_or(|(last, _)| !last.is_same_case(measure)) {
            // what the last case holds goes before the next one takes its own
            self.current = None;
            let case = self.make(measure)?;
            self.current = Some((*measure, case));
        }
        let (_, case) = self.current.as_mut().context("a case was made but is not there")?;
        case.measure(measure)
    }

    fn make(&mut self, measure: &Measure) -> Result<Case> {
        let setup = self.setup.as_ref().context(NOT_SET_UP)?;
        match measure.case {
            CaseName::Aliked => extractors::aliked(setup, measure),
            CaseName::Superpoint => extractors::superpoint(setup, measure),
            CaseName::LightgluePrepare | CaseName::LightglueFull | CaseName::LightglueAdaptive => {
                lightglue::case(setup, measure)
            }
            CaseName::Mast3rMatch => mast3r::match_case(setup, measure),
            CaseName::Mast3rEncode
            | CaseName::Mast3rDecode
            | CaseName::Mast3rDescriptors
            | CaseName::Mast3rAllPairs => {
                let context = setup.context(measure.precision)?;
                let network = match self.mast3r.take().filter(|network| *network.context() == context) {
                    Some(network) => network,
                    None => Rc::new(mast3r::network(setup, context)?),
                };
                self.mast3r = Some(Rc::clone(&network));
                mast3r::network_case(setup, measure, &network)
            }
        }
    }
}
