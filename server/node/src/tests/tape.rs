//! A run is a list: what a node was told, written down as bytes and read back, makes a fresh node say the same again.

use raft_core::Image;

use super::random::run;
use crate::*;

#[test]
fn a_recorded_run_replays_to_the_byte() {
    for seed in 0..20 {
        let cluster = run(seed);
        for (&id, member) in &cluster.members {
            let recorded = (cluster.config(id), &member.tape.image, &member.tape.inputs);
            let bytes = postcard::to_stdvec(&recorded).expect("a tape has a postcard form");
            let (config, image, inputs): (Config, Image, Vec<(Now, Input)>) =
                postcard::from_bytes(&bytes).expect("a tape is read back");
            assert_eq!(inputs, member.tape.inputs);
            let outputs = postcard::to_stdvec(&replay(config, image, inputs)).expect("outputs too");
            let expected = postcard::to_stdvec(&member.tape.outputs).expect("outputs too");
            assert!(outputs == expected, "seed {seed}: {id} says something else");
            let again: Vec<Output> = postcard::from_bytes(&outputs).expect("outputs are read back");
            assert_eq!(again, member.tape.outputs);
        }
    }
}

fn replay(config: Config, image: Image, inputs: Vec<(Now, Input)>) -> Vec<Output> {
    let mut inputs = inputs.into_iter().peekable();
    let start = inputs.peek().map(|(now, _)| *now).unwrap_or_default();
    let mut node = Node::boot(config, image, None, start);
    let mut outputs = Vec::new();
    for (now, input) in inputs {
        node.handle(now, input);
        outputs.extend(std::iter::from_fn(|| node.poll()));
    }
    outputs
}
