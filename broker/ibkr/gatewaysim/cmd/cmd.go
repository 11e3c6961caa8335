// Package cmd is the gatewaysim command, apart from its main function.
package cmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// maxConfig is the longest configuration file.
const maxConfig = 1 << 20

// Run runs a simulated gateway until the context ends. The arguments are those
// of the command without its name. Once clients can connect it writes
// "listening on host:port", and "control on host:port" if there is a control
// port.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg, verbose, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if verbose {
		cfg.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	g, err := gatewaysim.Start(cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "listening on %s\n", g.Addr())
	if g.ControlAddr() != "" {
		fmt.Fprintf(stdout, "control on %s\n", g.ControlAddr())
	}
	<-ctx.Done()
	return g.Close()
}

// parse makes a configuration of the file, if one is named, and the flags.
func parse(args []string, stderr io.Writer) (cfg gatewaysim.Config, verbose bool, err error) {
	flags := flag.NewFlagSet("gatewaysim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("config", "", "JSON file with a gatewaysim.Config")
	addr := flags.String("addr", "127.0.0.1:4002", "where clients connect")
	control := flags.String("control", "127.0.0.1:4003", "HTTP control port, empty for none")
	version := flags.Int("version", 0, fmt.Sprintf("server version, %d to %d (default %d)", gatewaysim.OldestVersion, gatewaysim.NewestVersion, gatewaysim.NewestVersion))
	flags.BoolVar(&verbose, "v", false, "log sessions")
	if err := flags.Parse(args); err != nil {
		return cfg, false, err
	}
	if flags.NArg() > 0 {
		return cfg, false, fmt.Errorf("gatewaysim: unexpected argument %q: use flags, see -help", flags.Arg(0))
	}
	cfg = demo()
	if *file != "" {
		if cfg, err = load(*file); err != nil {
			return cfg, false, err
		}
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if given["addr"] || cfg.Addr == "" {
		cfg.Addr = *addr
	}
	if given["control"] || cfg.Control == "" {
		cfg.Control = *control
	}
	if given["version"] {
		cfg.ServerVersion = *version
	}
	return cfg, verbose, nil
}

func load(name string) (gatewaysim.Config, error) {
	var cfg gatewaysim.Config
	data, err := os.ReadFile(name)
	if err != nil {
		return cfg, fmt.Errorf("gatewaysim: config: %w", err)
	}
	if err := strictjson.Decode(data, maxConfig, &cfg); err != nil {
		return cfg, fmt.Errorf("gatewaysim: config %s: %w", name, err)
	}
	return cfg, nil
}

// demo is the gateway without a file: one paper account, and quotes for the
// contracts that exist.
func demo() gatewaysim.Config {
	cfg := gatewaysim.Config{
		Accounts: []gatewaysim.Account{{ID: "DU1234567", Cash: map[string]decimal.Decimal{"USD": decimal.NewFromInt(100_000)}}},
		Quotes:   map[string]gatewaysim.Quote{},
	}
	for i, c := range gatewaysim.DefaultContracts() {
		price := decimal.NewFromInt(int64(100 + 50*i))
		cent := decimal.New(1, -2)
		size := decimal.NewFromInt(100)
		cfg.Quotes[c.Symbol] = gatewaysim.Quote{
			Bid: price.Sub(cent), Ask: price.Add(cent), Last: price, Close: price, BidSize: size, AskSize: size, Size: size,
		}
	}
	return cfg
}
