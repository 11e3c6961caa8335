// Package parts makes the parts that a configuration names: the stores, the
// broker, the prices, the targets, and the engine of them all. This is what a
// program of your own does; everything else in the daemon is around it.
package parts
