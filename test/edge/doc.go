// Package edge proves that rooms stay on their shards: real HAProxy processes with the configuration that is deployed,
// peered with each other, before stand-in shards, over real sockets. Names are resolved, agents are asked and health is
// checked at the intervals that are deployed; how long things take is measured and printed, not assumed.
//
// It knows no AWS and no Jitsi: a shard is whatever answers requests and opens WebSockets. The long form, with more
// rooms, WebSockets and nodes, is run by
//
//	go test -count=1 -v ./test/edge -args -long
package edge
