//! The scenes: what is done to upstreams, and what clients may notice of it.

/// What is done to an upstream.
#[derive(Clone, Copy)]
pub(super) enum Act {
    Freeze(usize),
    Thaw(usize),
    Tell(usize, &'static str),
}

/// A story of trouble.
pub(super) struct Scene {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) upstreams: usize,
    /// How the upstreams behave from the beginning to the end.
    pub(super) always: &'static [Act],
    pub(super) begin: &'static [Act],
    pub(super) end: &'static [Act],
    /// A question whose answer takes three seconds is asked when the trouble begins.
    pub(super) slow_question: bool,
    /// Only that question and a first one are asked.
    pub(super) quiet: bool,
    /// Every installed server plays it.
    pub(super) for_all: bool,
    /// How long its trouble lasts, in seconds; `None`: `--seconds`.
    pub(super) seconds: Option<f64>,
    /// What our server is held to.
    pub(super) target: Target,
}

/// What clients may notice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// Every question is answered well, none later than so many milliseconds after it was asked, and in no second but
    /// those in which something changes are there more than 5 % upstream packets beyond one for each question.
    Seamless(f64),
    /// Every question is answered well, and one in a hundred takes at most 20 ms longer than it does while both are good.
    Unnoticed,
    /// Every question is answered well, and one in a hundred takes at most three times the shortest time after which a
    /// question is sent again.
    Patient,
    /// Every question is answered well, also the one that takes 3 s.
    Slow,
    /// Every question is answered, if only that it failed and why, within 1.8 s; all is well 0.5 s after the end.
    Told,
}

const SCENE: Scene = Scene {
    name: "",
    title: "",
    upstreams: 2,
    always: &[],
    begin: &[],
    end: &[],
    slow_question: false,
    quiet: false,
    for_all: false,
    seconds: None,
    target: Target::Unnoticed,
};

/// One answer in ten late is a server whose cache misses.
const BIMODAL: [Act; 2] = [Act::Tell(0, "late 10 200"), Act::Tell(1, "late 10 200")];

pub(super) const SCENES: [Scene; 16] = [
    Scene {
        name: "first-frozen",
        title: "The first of two upstreams frozen",
        begin: &[Act::Freeze(0)],
        end: &[Act::Thaw(0)],
        for_all: true,
        target: Target::Seamless(60.0),
        ..SCENE
    },
    Scene {
        name: "second-frozen",
        title: "The second of two upstreams frozen",
        begin: &[Act::Freeze(1)],
        end: &[Act::Thaw(1)],
        target: Target::Seamless(60.0),
        ..SCENE
    },
    Scene {
        name: "both-frozen",
        title: "Both upstreams frozen",
        begin: &[Act::Freeze(0), Act::Freeze(1)],
        end: &[Act::Thaw(0), Act::Thaw(1)],
        seconds: Some(30.0),
        target: Target::Told,
        ..SCENE
    },
    Scene {
        name: "bimodal",
        title: "Both upstreams 200 ms late for one answer in ten",
        always: &BIMODAL,
        target: Target::Seamless(260.0),
        ..SCENE
    },
    Scene {
        name: "bimodal-frozen",
        title: "Both 200 ms late for one answer in ten, and the first frozen",
        always: &BIMODAL,
        begin: &[Act::Freeze(0)],
        end: &[Act::Thaw(0)],
        // A question or two to the frozen one may well be late ones: that they are later than those is known after the
        // time of the slow ones and a quarter, and the other may be late again.
        target: Target::Seamless(500.0),
        ..SCENE
    },
    Scene {
        name: "single-lossy",
        title: "A single upstream that loses 10 % of packets",
        upstreams: 1,
        begin: &[Act::Tell(0, "lose 10")],
        end: &[Act::Tell(0, "calm")],
        target: Target::Patient,
        ..SCENE
    },
    Scene {
        name: "single-slow-answer",
        title: "A single upstream, one answer of which takes 3 s",
        upstreams: 1,
        slow_question: true,
        target: Target::Slow,
        ..SCENE
    },
    Scene {
        name: "single-frozen",
        title: "A single upstream frozen",
        upstreams: 1,
        begin: &[Act::Freeze(0)],
        end: &[Act::Thaw(0)],
        seconds: Some(5.0),
        target: Target::Told,
        ..SCENE
    },
    Scene {
        name: "quiet-slow",
        title: "A quiet forwarder whose one question takes 3 s upstream",
        slow_question: true,
        quiet: true,
        target: Target::Slow,
        ..SCENE
    },
    Scene {
        name: "one-servfail",
        title: "One of two answers SERVFAIL",
        begin: &[Act::Tell(0, "rcode 2")],
        end: &[Act::Tell(0, "calm")],
        ..SCENE
    },
    Scene {
        name: "other-servfail",
        title: "The other of two answers SERVFAIL",
        begin: &[Act::Tell(1, "rcode 2")],
        end: &[Act::Tell(1, "calm")],
        ..SCENE
    },
    Scene {
        name: "one-refused",
        title: "One of two answers REFUSED",
        begin: &[Act::Tell(0, "rcode 5")],
        end: &[Act::Tell(0, "calm")],
        ..SCENE
    },
    Scene {
        name: "one-lossy",
        title: "One of two loses 10 % of packets",
        begin: &[Act::Tell(0, "lose 10")],
        end: &[Act::Tell(0, "calm")],
        ..SCENE
    },
    Scene {
        name: "other-lossy",
        title: "The other of two loses 10 % of packets",
        begin: &[Act::Tell(1, "lose 10")],
        end: &[Act::Tell(1, "calm")],
        ..SCENE
    },
    Scene {
        name: "one-late",
        title: "One of two is 200 ms late",
        begin: &[Act::Tell(0, "late 100 200")],
        end: &[Act::Tell(0, "calm")],
        ..SCENE
    },
    Scene {
        name: "other-late",
        title: "The other of two is 200 ms late",
        begin: &[Act::Tell(1, "late 100 200")],
        end: &[Act::Tell(1, "calm")],
        ..SCENE
    },
];
