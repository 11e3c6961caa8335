package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == childArgument {
		os.Exit(childMain(os.Args[2]))
	}
	os.Exit(parentMain())
}

// parentMain is the main function of the command.
func parentMain() int {
	var o options
	store := flag.String("store", "both", "memory, bolt, redis, both (bolt and redis) or all; several with commas")
	flag.IntVar(&o.runs, "runs", 200, "how many runs")
	flag.Uint64Var(&o.seed, "seed", 1, "the seed of the first run")
	flag.IntVar(&o.parallel, "parallel", 8, "how many runs at once")
	flag.BoolVar(&o.verbose, "v", false, "tell what happens")
	flag.DurationVar(&o.patience, "patience", 20*time.Second, "how long events may take once the faults have stopped")
	flag.StringVar(&o.only, "only", "", "a text that the name of each run's first fault contains, such as failover")
	detail := flag.Bool("points", false, "list each fault at each point")
	flag.Parse()
	for k := range strings.SplitSeq(*store, ",") {
		switch k {
		case "both":
			o.kinds = append(o.kinds, kindBolt, kindRedis)
		case "all":
			o.kinds = append(o.kinds, kindMemory, kindBolt, kindRedis)
		case kindMemory, kindBolt, kindRedis:
			o.kinds = append(o.kinds, k)
		default:
			fmt.Fprintf(os.Stderr, "crashtest: store %q is none of memory, bolt, redis, both, all\n", k)
			return 2
		}
	}
	began := time.Now()
	h := &host{}
	defer h.close()
	t, err := runAll(o, func() (*redisWorld, error) { return newRedisWorld(h) })
	t.print(os.Stdout, time.Since(began), *detail)
	if err != nil {
		fmt.Fprintln(os.Stderr, "crashtest:", err)
		return 1
	}
	if t.violations > 0 {
		return 1
	}
	return 0
}
