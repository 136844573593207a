"""What every door to the web needs: the client's address, hosts, headers, bodies."""
