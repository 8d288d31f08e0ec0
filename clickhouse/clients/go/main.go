// What clickhouse-go does over HTTP, as Grafana's data source uses it, against the server at CLICKHOUSE_URL.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func must(err error) {
	if err != nil {
		log.Fatalf("%+v", err)
	}
}

func equal(what string, found, wanted any) {
	if !reflect.DeepEqual(found, wanted) {
		log.Fatalf("%s: %#v, wanted %#v", what, found, wanted)
	}
}

func refuses(code string, err error) {
	if err == nil || !strings.Contains(err.Error(), "Code: "+code+".") && !strings.Contains(err.Error(), "code: "+code) {
		log.Fatalf("wanted Code %s: %v", code, err)
	}
}

type row struct {
	ID    uint64
	Text  string
	Ratio float64
	At    time.Time
	Tags  []string
	Maybe *string
}

func main() {
	address, err := url.Parse(os.Getenv("CLICKHOUSE_URL"))
	must(err)
	for _, method := range []clickhouse.CompressionMethod{
		clickhouse.CompressionNone, clickhouse.CompressionLZ4, clickhouse.CompressionZSTD, clickhouse.CompressionGZIP,
	} {
		options := &clickhouse.Options{
			Addr:        []string{address.Host},
			Protocol:    clickhouse.HTTP,
			Compression: &clickhouse.Compression{Method: method, Level: 3},
			Settings:    clickhouse.Settings{"max_execution_time": 60},
		}
		native(options)
		standard(options)
	}
	fmt.Println("clickhouse-go well")
}

// As a program would use it.
func native(options *clickhouse.Options) {
	ctx := context.Background()
	connection, err := clickhouse.Open(options)
	must(err)
	defer connection.Close()
	must(connection.Ping(ctx))
	must(connection.Exec(ctx, "CREATE DATABASE IF NOT EXISTS clients_go ENGINE = Atomic"))
	must(connection.Exec(ctx, "DROP TABLE IF EXISTS clients_go.t SYNC"))
	must(connection.Exec(ctx, `CREATE TABLE clients_go.t (id UInt64, text String, ratio Float64, at DateTime64(6, 'UTC'), tags Array(String),
		maybe Nullable(String)) ENGINE = MergeTree ORDER BY id`))
	there := "there"
	rows := []row{
		{1, "one\n\nSELECT 2;", 1.5, time.UnixMicro(1767323045000001).UTC(), []string{"a", "b"}, nil},
		{2, "zwei \u00fc '", -2, time.UnixMicro(0).UTC(), []string{}, &there},
	}
	batch, err := connection.PrepareBatch(ctx, "INSERT INTO clients_go.t")
	must(err)
	for _, row := range rows {
		must(batch.Append(row.ID, row.Text, row.Ratio, row.At, row.Tags, row.Maybe))
	}
	must(batch.Send())
	found, err := connection.Query(ctx, "SELECT * FROM clients_go.t ORDER BY id")
	must(err)
	var read []row
	for found.Next() {
		var row row
		must(found.Scan(&row.ID, &row.Text, &row.Ratio, &row.At, &row.Tags, &row.Maybe))
		read = append(read, row)
	}
	must(found.Err())
	equal("rows", read, rows)
	var id uint64
	must(connection.QueryRow(clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"text": "zwei \u00fc '"})),
		"SELECT id FROM clients_go.t WHERE text = {text:String}").Scan(&id))
	equal("by a parameter", id, uint64(2))
	var total uint64
	numbers, err := connection.Query(ctx, "SELECT number FROM numbers(300000)")
	must(err)
	for numbers.Next() {
		var number uint64
		must(numbers.Scan(&number))
		total += number
	}
	must(numbers.Err())
	equal("a sum", total, uint64(300000*299999/2))
	_, err = connection.Query(ctx, "SELECT * FROM clients_go.nosuch")
	refuses("60", err)
}

// As Grafana's data source uses it.
func standard(options *clickhouse.Options) {
	database := sql.OpenDB(clickhouse.Connector(options))
	defer database.Close()
	must(database.Ping())
	rows, err := database.Query("SELECT toStartOfMinute(at) AS time, count() AS n FROM clients_go.t GROUP BY time ORDER BY time")
	must(err)
	defer rows.Close()
	columns, err := rows.ColumnTypes()
	must(err)
	equal("types", []string{columns[0].DatabaseTypeName(), columns[1].DatabaseTypeName()}, []string{"DateTime", "UInt64"})
	count := 0
	for rows.Next() {
		var at time.Time
		var n uint64
		must(rows.Scan(&at, &n))
		count++
	}
	must(rows.Err())
	equal("minutes", count, 2)
	_, err = database.Query("SELEC 1")
	refuses("62", err)
	var none int
	if err := database.QueryRow("SELECT 1 WHERE 0").Scan(&none); !errors.Is(err, sql.ErrNoRows) {
		log.Fatalf("no rows: %v", err)
	}
}
