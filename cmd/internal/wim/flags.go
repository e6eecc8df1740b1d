package wim

import "github.com/urfave/cli/v3"

// Options that several verbs have, each verb with words of its own about what it does there.
var (
	bootFlag        = boolFlag("boot")
	checkFlag       = boolFlag("check")
	nocheckFlag     = boolFlag("nocheck", "no-check")
	integrityFlag   = boolFlag("include-integrity")
	compactFlag     = boolFlag("unsafe-compact")
	dereferenceFlag = boolFlag("dereference")
	noACLsFlag      = boolFlag("no-acls", "noacls")
	norpfixFlag     = boolFlag("norpfix")
	rebuildFlag     = boolFlag("rebuild")
	rpfixFlag       = boolFlag("rpfix")
	strictACLsFlag  = boolFlag("strict-acls")
	unixDataFlag    = boolFlag("unix-data")
	verboseFlag     = boolFlag("verbose")
	wimbootFlag     = boolFlag("wimboot")
	configFlag      = stringFlag("config")
	deltaFromFlag   = listFlag("delta-from")
	propertyFlag    = listFlag("image-property")
)

// wimbootUsage is what --wimboot does where an image is written.
const wimbootUsage = "mark the image as made for WIMBoot; a new file gets XPRESS in pieces of 4096 bytes"

// strictUsage is what --strict-acls does where files are captured.
const strictUsage = "as wimlib-imagex takes it: here a security descriptor that cannot be read always fails"

// boolFlag returns what makes an option that is on or off. Without a usage help does not show it.
func boolFlag(name string, aliases ...string) func(into *bool, usage string) cli.Flag {
	return func(into *bool, usage string) cli.Flag {
		return &cli.BoolFlag{Name: name, Aliases: aliases, Usage: usage, Hidden: usage == "", Destination: into}
	}
}

func stringFlag(name string) func(into *string, usage string) cli.Flag {
	return func(into *string, usage string) cli.Flag {
		return &cli.StringFlag{Name: name, Usage: usage, Destination: into}
	}
}

func listFlag(name string) func(into *[]string, usage string) cli.Flag {
	return func(into *[]string, usage string) cli.Flag {
		return &cli.StringSliceFlag{Name: name, Usage: usage, Destination: into}
	}
}

// refFlag is the option that names the other parts of a split set, and the bases of a delta.
func refFlag(into *[]string) cli.Flag {
	return &cli.StringSliceFlag{
		Name: "ref", Usage: "read resources also from the WIM files that match `GLOB`: the other parts of a split set, or what a delta was made from", Destination: into,
	}
}

// recompressFlag is --recompress.
func recompressFlag(into *bool) cli.Flag {
	return &cli.BoolFlag{Name: "recompress", Usage: "compress again what could be copied as it is", Destination: into}
}
