// Package simulate plays weeks of conferences in seconds on a virtual clock: participants and recordings against bridges
// and recorders that a policy buys, drains and ends. It compares our law, the code of package capacity that the Lambdas
// run, with rival rules, with hindsight and with the lower bound.
//
// A Workload says who meets when. It is the same for every policy, and so is the n-th launch's luck. Bridges and
// recorders do not touch each other, so each is played by itself: RunBridges and RunJibris. Placement is Jicofo's. A
// policy sees what the control plane would see, at its own period, and is woken in between where its real counterpart is.
//
// Whole and WholeJibris run the loops of package reconcile in the place of the bare decision, against a stage that plays
// Auto Scaling with its hooks, EC2, the agents and the table. With Faults they show what becomes of calls and recordings when
// telemetry lies, calls are throttled, launches fail, people end instances or the control plane is away.
//
// It must not know AWS, the wall clock, files or the network. Only scripts and tests import it.
package simulate
