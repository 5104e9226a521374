// Prometheus' own code. `targets find SOCKET`: its discovery of containers, a line of JSON for every list of targets that it comes to.
// `targets parse TYPE`: metrics of that media type from standard input through its parser; prints how many families and samples.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/moby"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

func find(socket string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	configuration := moby.DefaultDockerSDConfig
	configuration.Host = "unix://" + socket
	configuration.RefreshInterval = model.Duration(100 * time.Millisecond)
	configuration.Filters = []moby.Filter{{Name: "label", Values: []string{"scraped=yes"}}}
	registry := prometheus.NewRegistry()
	discoverer, err := configuration.NewDiscoverer(discovery.DiscovererOptions{
		Logger:  slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Metrics: configuration.NewDiscovererMetrics(registry, discovery.NewRefreshMetrics(registry)),
		SetName: "kitchen",
	})
	if err != nil {
		return err
	}
	groups := make(chan []*targetgroup.Group)
	go discoverer.Run(ctx, groups)
	lines := json.NewEncoder(os.Stdout)
	for {
		select {
		case found := <-groups:
			targets := []model.LabelSet{}
			for _, group := range found {
				targets = append(targets, group.Targets...)
			}
			_ = lines.Encode(targets)
		case <-ctx.Done():
			return nil
		}
	}
}

func parse(mediaType string) error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	parser, err := textparse.New(text, mediaType, labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return err
	}
	counts := map[string]int{"families": 0, "samples": 0, "helps": 0}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return json.NewEncoder(os.Stdout).Encode(counts)
		}
		if err != nil {
			return err
		}
		switch entry {
		case textparse.EntryType:
			counts["families"]++
		case textparse.EntrySeries, textparse.EntryHistogram:
			counts["samples"]++
		case textparse.EntryHelp:
			counts["helps"]++
		}
	}
}

func main() {
	does := map[string]func(string) error{"find": find, "parse": parse}[os.Args[1]]
	if err := does(os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
