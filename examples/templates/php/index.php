<?php
// The router of PHP's own server: what is not a file comes here.
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path === '/healthz') {
    header('Content-Type: text/plain');
    echo "ok\n";
    return true;
}
if ($path !== '/' && $path !== '/index.php' && is_file(__DIR__ . $path)) {
    return false;
}
header('Content-Type: text/plain');
echo 'Hello from PHP ', PHP_VERSION, ' in ', gethostname(), ".\n";
