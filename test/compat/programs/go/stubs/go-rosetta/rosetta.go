// Package rosetta tells whether Apple's translation of programs is at work, which on Linux it never is: it stands for a module that
// not every registry has.
package rosetta

// Enabled is false on Linux.
func Enabled() bool { return false }
