// Package architecture holds the directions of DESIGN.md over the whole tree: who may import whom, who may read the
// clock, the environment or the network, and how large a file or a function may be. It judges sources and runs none of them.
package architecture
