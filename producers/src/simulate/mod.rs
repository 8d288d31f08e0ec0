//! The simulator: realistic viewing from a seed, mishandled on its way to the log as much as is asked for, and the truth of what it comes to.
//!
//! A session is made up as the viewer's timeline (`viewing`): what was on the screen, from when to when. From it come both what the
//! player says (`events`) and the truth (`figures`), which is summed over the timeline and never asks what a processor would make of
//! the events. Timelines are chosen so that the rules of quality of service leave one answer: times in whole milliseconds, a heartbeat each
//! 10 s while the position moves, positions that agree with time and rate, and nothing that the rules would have to guess.
//!
//! | step | module |
//! |---|---|
//! | who watches what, when and on which device | `audience`, `catalogue` |
//! | what is on the screen | `viewing`, `screen` |
//! | what the player says | `events` |
//! | how it comes to the log: copies, disorder, late, lost, poison | `delivery`, `poison` |
//! | the sessions of a run in order of time | `session`, `generator` |
//! | how they are appended, each once, also where the run is cut off and goes on | `run`, `progress` |
//! | what the stores must come to | `figures`, `loss`, [`truth`] |
//!
//! Two things are wrong in reality and not here: clocks drift, and players have bugs.

mod audience;
mod catalogue;
mod delivery;
mod events;
mod figures;
mod generator;
mod loss;
mod poison;
mod progress;
mod random;
mod run;
mod screen;
mod session;
mod settings;
pub mod truth;
mod viewing;

pub use generator::{Generator, SimulatedRecord, TruthSink, latest_start_ms};
pub use progress::{INPUTS, group, remembered_start, start_group};
pub use run::{SimulateError, SimulateOptions, SimulateReport, Simulation, outputs};
pub use settings::{NotARate, Rate, Settings};
