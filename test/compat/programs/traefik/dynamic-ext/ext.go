// Package ext stands for the module of Traefik that is only in its repository, where others put what they add to its configuration.
package ext

// HTTP adds nothing.
type HTTP struct{}

// Router adds nothing.
type Router struct{}
