//! What an engineer on call sees of a process: metrics, health, readiness and its log.

mod config;
mod dev;
mod doctor;
mod process;
mod silence;
mod unreachable;
mod watched;
