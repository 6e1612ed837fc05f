#!/bin/sh
. "$FAKES/record.sh"
