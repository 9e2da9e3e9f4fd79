//! How long engines take to start.

use super::*;

/// How long each engine took that has started.
fn starts(commands: &[Command]) -> Vec<Duration> {
    let starts = commands.iter().filter_map(|command| match command {
        Command::EngineStarted(took) => Some(*took),
        _ => None,
    });
    starts.collect()
}

#[test]
fn starts_of_engines_are_timed_and_promotions_are_not() {
    let mut stage = Stage::new();
    stage.host(1);
    stage.pass(Duration::from_secs(1));
    stage.start_engines();
    let cold = starts(&stage.taken());
    assert!(!cold.is_empty() && cold.iter().all(|took| *took >= Duration::from_secs(1)), "{cold:?}");
    stage.host(2);
    stage.pass(Duration::from_secs(2));
    let asked = stage.start_engines();
    assert!(asked.iter().any(|(.., duty)| *duty == Duty::StandBy), "{asked:?}");
    assert_eq!(starts(&stage.taken()).len(), asked.len());

    stage.give(Input::NodeClosed(LinkId(1)));
    let promoted = stage.start_engines();
    assert!(promoted.iter().any(|(link, of, _, duty)| *link == LinkId(2) && of.0 == "south" && *duty == Duty::Serve));
    assert!(starts(&stage.taken()).is_empty());
}
