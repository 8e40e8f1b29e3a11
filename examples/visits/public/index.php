<?php
// Every path that is no file comes here.
$file = '/var/lib/visits/visits';
$visits = (int) @file_get_contents($file) + 1;
file_put_contents($file, $visits, LOCK_EX);
header('Content-Type: text/plain');
echo "visit $visits of ", parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH), "\n";
