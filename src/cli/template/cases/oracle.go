// Gives each template of the file named on the command line to Go's own text/template and writes what comes out beside it:
//
//	GOPROXY=off go run oracle.go templates.json           rewrites the file
//	GOPROXY=off go run oracle.go -check templates.json    ends with 1 and names the cases that differ
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/template"
)

type one struct {
	Template string  `json:"template"`
	Text     *string `json:"text,omitempty"`
	Error    *string `json:"error,omitempty"`
}

type file struct {
	Data  json.RawMessage `json:"data"`
	Cases []one           `json:"cases"`
}

// JSON as Docker's typed documents hold it: whole numbers are ints, and what holds only strings is of strings.
func typed(value any) any {
	switch value := value.(type) {
	case json.Number:
		if whole, err := value.Int64(); err == nil {
			return int(whole)
		}
		broken, _ := value.Float64()
		return broken
	case []any:
		texts := []string{}
		for i, member := range value {
			value[i] = typed(member)
			if text, ok := value[i].(string); ok {
				texts = append(texts, text)
			}
		}
		if len(texts) == len(value) {
			return texts
		}
		return value
	case map[string]any:
		texts := map[string]string{}
		for key, member := range value {
			value[key] = typed(member)
			if text, ok := value[key].(string); ok {
				texts[key] = text
			}
		}
		if len(texts) == len(value) {
			return texts
		}
		return value
	}
	return value
}

var docker = template.FuncMap{
	"json": func(value any) string {
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			panic(err)
		}
		return strings.TrimSpace(out.String())
	},
	"split": strings.Split,
	"join":  strings.Join,
	"title": strings.Title,
	"lower": strings.ToLower,
	"upper": strings.ToUpper,
	"pad": func(text string, before, after int) string {
		if text == "" {
			return text
		}
		return strings.Repeat(" ", before) + text + strings.Repeat(" ", after)
	},
	"truncate": func(text string, length int) string {
		if len(text) < length {
			return text
		}
		return text[:length]
	},
}

func run(source string, data any) (text, failure *string) {
	failed := func(err error) (*string, *string) {
		message := err.Error()
		return nil, &message
	}
	parsed, err := template.New("").Funcs(docker).Parse(source)
	if err != nil {
		return failed(err)
	}
	var out bytes.Buffer
	if err := parsed.Option("missingkey=error").Execute(&out, data); err != nil {
		return failed(err)
	}
	made := out.String()
	return &made, nil
}

func show(text, failure *string) string {
	if failure != nil {
		return "error " + *failure
	}
	if text != nil {
		return "text " + *text
	}
	return "nothing"
}

func main() {
	check := os.Args[1] == "-check"
	name := os.Args[len(os.Args)-1]
	content, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	var cases file
	if err := json.Unmarshal(content, &cases); err != nil {
		panic(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(cases.Data))
	decoder.UseNumber()
	var data any
	if err := decoder.Decode(&data); err != nil {
		panic(err)
	}
	data = typed(data)
	different := 0
	for i, each := range cases.Cases {
		text, failure := run(each.Template, data)
		if check && show(text, failure) != show(each.Text, each.Error) {
			different++
			fmt.Printf("%s\n  Go:   %s\n  file: %s\n", each.Template, show(text, failure), show(each.Text, each.Error))
		}
		cases.Cases[i].Text, cases.Cases[i].Error = text, failure
	}
	if check {
		if different > 0 {
			os.Exit(1)
		}
		return
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(cases); err != nil {
		panic(err)
	}
	if err := os.WriteFile(name, out.Bytes(), 0o644); err != nil {
		panic(err)
	}
}
