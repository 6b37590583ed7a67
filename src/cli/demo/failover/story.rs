//! Telling the story: the servers are killed one by one and brought back, and the name must follow.
//!
//! Nothing here is timed to make the name move: each step waits until the client has seen it, then lets some time pass
//! in which nothing may change. Not here: what is wrong with what was seen ([`super::track`]).

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::super::{Error, Output};
use super::track::{Act, BOUND, Deed, PROMISE, Seen, Track, clock, seconds};
use super::{Demo, settings};

/// What is done, and the server that the name must be then.
const STEPS: [(Act, usize, usize); 6] = [
    (Act::Kill, 1, 2),
    (Act::Kill, 2, 3),
    (Act::Kill, 3, 3),
    (Act::Start, 3, 3),
    (Act::Start, 2, 2),
    (Act::Start, 1, 1),
];
/// What the name must have been, in this order.
const ORDER: [usize; 5] = [1, 2, 3, 2, 1];
/// How long nothing may happen between steps.
const QUIET: Duration = Duration::from_secs(1);
/// The same where a step changes nothing: longer than a change would take.
const QUIET_FOR_LONG: Duration = Duration::from_millis(2500);

/// Plays it; whether the name followed.
///
/// # Errors
/// What keeps it from going on; not that the name does not follow.
pub(super) async fn tell(demo: &mut Demo, output: &Output) -> Result<bool, Error> {
    let told_to = output.clone();
    let narrator = tokio::spawn(super::narrate(demo.watch.subscribe(), move |text| told_to.line(text)));
    let told = play(demo, output).await;
    narrator.abort();
    let track = demo.watch.track();
    output.line("");
    track.table().into_iter().for_each(|row| output.line(row));
    say_what_the_server_logged(demo, output);
    match told?.and_then(|()| track.verdict(&ORDER)) {
        Ok(()) => {
            output.line(sum(&track, demo.watch.begin.elapsed()));
            Ok(true)
        }
        Err(fault) => {
            output.line(format!("\nFAILED {fault}"));
            Ok(false)
        }
    }
}

/// `Err`: the name does not go where it should, in words; there is nothing to go on with.
async fn play(demo: &mut Demo, output: &Output) -> Result<Result<(), String>, Error> {
    let mut was = ORDER[0];
    if let Err(fault) = settle(demo, None, was).await {
        return Ok(Err(fault));
    }
    output.line(format!("{} the name is {}", clock(Duration::ZERO), Seen::Server(was)));
    for (act, server, then) in STEPS {
        sleep(if then == was { QUIET_FOR_LONG } else { QUIET }).await;
        let deed = demo.act(act, server).await?;
        output.line(format!("{} {deed}", clock(deed.at)));
        if let Err(fault) = settle(demo, Some(&deed), then).await {
            return Ok(Err(fault));
        }
        was = then;
    }
    sleep(QUIET).await;
    Ok(Ok(()))
}

/// Waits until the name is this server.
async fn settle(demo: &Demo, deed: Option<&Deed>, server: usize) -> Result<(), String> {
    let mut track = demo.watch.subscribe();
    let is_there = |track: &Track| track.present() == Some(&Seen::Server(server));
    // The verdict tells what came late; this only ends the wait.
    if timeout(BOUND + Duration::from_secs(1), track.wait_for(is_there)).await.is_ok_and(|seen| seen.is_ok()) {
        return Ok(());
    }
    let what = deed.map_or("from the start".to_owned(), |deed| format!("after {deed}"));
    let seen = demo.watch.track().present().map_or("nothing".to_owned(), ToString::to_string);
    let bound = BOUND.as_secs_f64();
    Err(format!("the name is not {} within {bound:.1} s {what}: it is {seen}", Seen::Server(server)))
}

/// The lines about health checks: the server's own word for it.
fn say_what_the_server_logged(demo: &Demo, output: &Output) {
    output.line("\nThe server's log about it:");
    demo.server
        .said()
        .lines()
        .filter(|line| line.contains("healthy to "))
        .for_each(|line| output.line(format!("  {line}")));
}

fn sum(track: &Track, time: Duration) -> String {
    let longest = track.longest().unwrap_or_default();
    let remark = if longest > PROMISE { "; this machine was busy with other things" } else { "" };
    format!(
        "\nThe name followed {}: {} answers in {:.1} s, none lost or wrong. It moved at most {} s after what happened \
         ({} s × {}; expected within {:.1} s{remark}).",
        track.path(),
        track.answers(),
        time.as_secs_f64(),
        seconds(longest),
        settings::INTERVAL.as_secs(),
        settings::THRESHOLD,
        PROMISE.as_secs_f64(),
    )
}
