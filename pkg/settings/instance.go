package settings

import (
	"regexp"
	"strings"
)

// Architecture is a processor architecture, in the words of EC2.
type Architecture string

// The architectures.
const (
	ARM64 Architecture = "arm64"
	X86   Architecture = "x86_64"
)

var instanceForm = regexp.MustCompile(`^[a-z]+[0-9]*[a-z0-9-]*\.(nano|micro|small|medium|large|[0-9]*xlarge|metal(-[0-9]+xl)?)$`)

var familyForm = regexp.MustCompile(`^[a-z]+[0-9]+([a-z]*)`)

// ArchitectureOf is the architecture of an instance type by its name: the letter g after the generation, as in
// c7g, m6gd and is4gen, is a Graviton processor; a1 was the first. All others are x86.
// https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
func ArchitectureOf(instanceType string) Architecture {
	family, _, _ := strings.Cut(instanceType, ".")
	if family == "a1" {
		return ARM64
	}
	if m := familyForm.FindStringSubmatch(family); len(m) == 2 && strings.Contains(m[1], "g") {
		return ARM64
	}
	return X86
}

const instanceMend = `write an EC2 instance type, such as "c7g.xlarge"`

func instanceType(c check, v string) bool { return c.text(v, instanceForm, instanceMend) }

func instanceTypes(c check, types []string) {
	if len(types) == 0 {
		c.mend(nil, `write at least one instance type, such as ["c7g.xlarge"]`)
	}
	if len(types) > maxOverrides {
		c.mend(len(types), "write at most %d instance types", maxOverrides)
	}
	seen := map[string]string{}
	for i, v := range types {
		at := c.element(i)
		if !instanceType(at, v) {
			continue
		}
		unique(at, v, seen)
		if first := ArchitectureOf(types[0]); instanceForm.MatchString(types[0]) && ArchitectureOf(v) != first {
			at.mend(v, "write a type of the architecture %s, which %q has: a group boots one image", first, types[0])
		}
	}
}
