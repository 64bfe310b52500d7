// Package boot holds that the deployed nodes boot: each group's user data, as the templates have it, runs with the real
// boot bundle in a root file system of its own, with stand-ins for the commands that would change a machine or ask AWS;
// what it leaves there is judged. It says nothing of how long a boot takes, and it starts no container.
package boot
